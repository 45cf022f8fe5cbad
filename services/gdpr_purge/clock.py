"""What happens by itself: the end of a grace, and a step that is sent again."""

import asyncio

import structlog

from gdpr_purge.handlers import on_clock
from gdpr_purge.settings import Settings
from service_kit.outcomes import is_transient
from service_kit.service import Runtime

_log = structlog.get_logger()


async def run_clock(runtime: Runtime, *, settings: Settings) -> None:
    """Never returns. Several processes may run it: rows are locked and steps are idempotent."""
    while True:
        try:
            async with runtime.transaction() as tx:
                await on_clock(tx, settings.repeat_seconds)
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("clock.delayed", error=type(error).__name__)
        await asyncio.sleep(settings.gdpr_purge_look_seconds)
