"""Which connections this process sends for: those whose lock it holds."""

import asyncio

import structlog

from crm_sync import store
from crm_sync.lease import Lease
from crm_sync.sender import Sender
from crm_sync.settings import Settings
from service_kit.outcomes import is_transient
from service_kit.service import Runtime

RESTART_SECONDS = 1.0
_log = structlog.get_logger()

Key = tuple[str, str]
Running = dict[Key, "asyncio.Task[None]"]


async def run_senders(runtime: Runtime, *, settings: Settings) -> None:
    """Never returns. Losing the locks or the database ends all senders, and they begin anew."""
    while True:
        try:
            async with Lease(settings.relay_dsn) as lease, asyncio.TaskGroup() as group:
                group.create_task(lease.keep())
                await _supervise(runtime, settings, lease, group)
        except Exception as error:
            if not _passes(error):
                raise
            _log.warning("senders.restarted", error=type(error).__name__)
            await asyncio.sleep(RESTART_SECONDS)


async def _supervise(
    runtime: Runtime, settings: Settings, lease: Lease, group: asyncio.TaskGroup
) -> None:
    running: Running = {}
    while True:
        async with runtime.transaction() as tx:
            wanted = await store.list_sending_connections(tx)
        for key in [key for key, task in running.items() if task.done()]:
            del running[key]
            await lease.give(_lock_of(key))
        for key in wanted:
            if key not in running and await lease.take(_lock_of(key)):
                running[key] = group.create_task(Sender(settings, runtime, *key).run())
        await asyncio.sleep(settings.crm_sync_poll_seconds)


def _lock_of(key: Key) -> str:
    return f"crm_sync:{key[0]}:{key[1]}"


def _passes(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_passes(one) for one in error.exceptions)
    return is_transient(error)
