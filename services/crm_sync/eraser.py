"""Erases a person's remote records, then what is kept here, then gives the receipt."""

import asyncio
import random

import structlog
from cryptography.exceptions import InvalidTag

from contact_schema.erasure import SliceErased
from crm_sync import store
from crm_sync.connecting import open_hubspot
from crm_sync.domain.answers import Halted, Later, judge_read
from crm_sync.domain.profile import KEY_PROPERTY
from crm_sync.hubspot import HubSpot
from crm_sync.lease import Lease
from crm_sync.settings import Settings
from crm_sync.store import LinkToErase, OpenErasure
from crm_sync.targets import ForbiddenTargetError
from service_kit.outcomes import is_transient
from service_kit.service import Runtime

AT_ONCE = 20
LONGEST_WAIT = 300.0
LOCK = "crm_sync:eraser"
_log = structlog.get_logger()


async def run_eraser(runtime: Runtime, *, settings: Settings) -> None:
    """Never returns. One process erases at a time."""
    while True:
        try:
            async with Lease(settings.relay_dsn) as lease:
                mine = False
                while True:
                    mine = mine or await lease.take(LOCK)
                    if mine:
                        await erase_due(runtime, settings)
                    await lease.ping()
                    await asyncio.sleep(settings.crm_sync_poll_seconds)
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning("eraser.restarted", error=type(error).__name__)
            await asyncio.sleep(1)


async def erase_due(runtime: Runtime, settings: Settings) -> int:
    """One turn over the erasures that are due; how many there were."""
    async with runtime.transaction() as tx:
        due = await store.list_due_erasures(tx, AT_ONCE)
    for erasure in due:
        await _erase(runtime, settings, erasure)
    return len(due)


async def _erase(runtime: Runtime, settings: Settings, erasure: OpenErasure) -> None:
    async with runtime.transaction([erasure.space]) as tx:
        links = await store.list_links_to_erase(tx, erasure.space, erasure.records)
    standing = [link for link in links if link.remote_id is not None or link.key_written]
    shared = [link for link in standing if link.shared]
    unreachable = [link for link in standing if link.connection_state == "off"]
    waiting = False
    for link in standing:
        if link in shared or link in unreachable:
            continue
        # An attempt under way may still create the record: wait for its end, then delete
        if link.under_way or not await _erase_remote(runtime, settings, erasure, link):
            waiting = True
    if waiting:
        wait = min(LONGEST_WAIT, 2**erasure.attempts) * (0.5 + random.random() / 2)
        async with runtime.transaction([erasure.space]) as tx:
            await store.delay_erasure(tx, erasure, wait)
        return
    await _erase_rows(
        runtime,
        erasure,
        {"remote_records_shared": len(shared), "remote_records_unreachable": len(unreachable)},
    )


async def _erase_remote(
    runtime: Runtime, settings: Settings, erasure: OpenErasure, link: LinkToErase
) -> bool:
    """True once HubSpot has been read and does not know the record any more."""
    async with runtime.transaction([erasure.space]) as tx:
        row = await store.get_connection(tx, erasure.space, link.connection)
    if row is None or row.sealed is None:
        return False
    try:
        hubspot = await open_hubspot(settings, row)
    except (ForbiddenTargetError, InvalidTag):
        return False
    async with hubspot:
        remote_id = link.remote_id or await _find(hubspot, link.record)
        if remote_id is None:
            return False
        if remote_id and not await _is_deleted(hubspot, remote_id):
            return False
    if remote_id:
        async with runtime.transaction([erasure.space]) as tx:
            await store.mark_remote_erased(tx, erasure, link)
    return True


async def _find(hubspot: HubSpot, record: str) -> str | None:
    """The record under our key; empty when there is none, None when HubSpot does not say."""
    found = judge_read(await hubspot.read([record], [KEY_PROPERTY], KEY_PROPERTY))
    if isinstance(found, Later | Halted):
        return None
    return next(iter(found), "")


async def _is_deleted(hubspot: HubSpot, remote_id: str) -> bool:
    deleted = await hubspot.gdpr_delete(remote_id)
    if deleted.status not in (200, 204, 404):
        return False
    return (await hubspot.get(remote_id)).status == 404


async def _erase_rows(runtime: Runtime, erasure: OpenErasure, exceptions: dict[str, int]) -> None:
    space, records = erasure.space, erasure.records
    async with runtime.transaction([space]) as tx:
        await store.lock_spaces(tx, [space])
        counts = {
            "links": await store.erase_links(tx, space, records),
            "contacts": await store.erase_contacts(tx, space, records),
            "records": await store.erase_records(tx, space, records),
            "remote_records": await store.get_remote_erased(tx, erasure),
            **{name: count for name, count in exceptions.items() if count},
        }
        left = await store.count_left(tx, space, records)
        at = await store.mark_erased(tx, erasure, counts)
        tx.emit(
            SliceErased(
                space=space,
                erasure=erasure.erasure,
                slice="crm_sync",
                ledger_no=erasure.ledger_no,
                counts=counts,
                left=left,
                at=at,
            )
        )
    _log.info("erasure.done", erasure=erasure.erasure, left=left)
