"""One sender per connection: due links become calls, between two short transactions."""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from uuid_utils.compat import uuid7

from crm_sync import store
from crm_sync.connecting import check, halted, mark, open_hubspot
from crm_sync.delivery import Delivery
from crm_sync.domain.answers import Later, Written
from crm_sync.domain.links import Link, plan_links, state_of
from crm_sync.domain.reasons import CONNECTION_SENTENCES, SENTENCES
from crm_sync.domain.sending import (
    DueLink,
    Round,
    Settled,
    plan_round,
    settle,
)
from crm_sync.hubspot import HubSpot
from crm_sync.settings import Settings
from crm_sync.store import ConnectionRow
from crm_sync.targets import ForbiddenTargetError
from service_kit.service import Runtime
from service_kit.tx import Tx

SENDING = ("ok", "limited", "degraded")
PAGE = 500
OVERDUE_CHECK_SECONDS = 10.0
_log = structlog.get_logger()


@dataclass
class Sender:
    """Sends for one connection until it is paused, removed or refused."""

    settings: Settings
    runtime: Runtime
    space: str
    connection: str
    _hubspot: HubSpot | None = field(default=None, repr=False)
    _opened_for: tuple[str, bytes] | None = field(default=None, repr=False)
    _overdue_checked: float = 0

    async def run(self) -> None:
        async with self.runtime.transaction([self.space]) as tx:
            await store.reopen_attempts(tx, self.space, self.connection)
        try:
            while await self._step():
                pass
        finally:
            await self._close()

    async def _step(self) -> bool:
        """One turn; False when this connection sends no more."""
        async with self.runtime.transaction([self.space]) as tx:
            row = await store.get_connection(tx, self.space, self.connection)
            now = await store.get_now(tx)
        if row is None or row.state not in SENDING or row.sealed is None:
            return False
        if row.paused_until is not None and row.paused_until > now:
            wait = (row.paused_until - now).total_seconds()
            await asyncio.sleep(min(wait, self.settings.crm_sync_poll_seconds))
            return True
        hubspot = await self._open(row)
        if hubspot is None:
            return False
        if row.state != "ok" and not await check(self.runtime, hubspot, row, now):
            return True
        busy = await self._plan_page(row) or await self.send_round(hubspot, row)
        await self._tell_overdue(row)
        if not busy:
            await asyncio.sleep(self.settings.crm_sync_poll_seconds)
        return True

    async def _open(self, row: ConnectionRow) -> HubSpot | None:
        opened_for = (row.base_url, row.sealed or b"")
        if self._hubspot is not None and self._opened_for == opened_for:
            return self._hubspot
        await self._close()
        try:
            self._hubspot = await open_hubspot(self.settings, row)
        except (ForbiddenTargetError, InvalidTag):
            sentence = CONNECTION_SENTENCES["auth_revoked"]
            await mark(self.runtime, row, "action_needed", sentence)
            return None
        self._opened_for = opened_for
        return self._hubspot

    async def _close(self) -> None:
        if self._hubspot is not None:
            await self._hubspot.__aexit__()
            self._hubspot = None

    async def _plan_page(self, row: ConnectionRow) -> bool:
        """A connection that is new to its space meets the contacts that are there, page by page."""
        if row.planned_after is None:
            return False
        async with self.runtime.transaction([self.space]) as tx:
            await store.share_spaces(tx, [self.space])
            contacts = await store.list_contacts(tx, self.space, row.planned_after, PAGE)
            keys = [(contact.space, contact.contact) for contact in contacts]
            links = [
                (holder, link)
                for holder, link in await store.lock_links(tx, keys)
                if link.connection == self.connection
            ]
            plan = plan_links([row.plan()], contacts, links, changed=())
            await store.delete_links(tx, plan.dropped)
            await store.upsert_links(tx, plan.saved, self.settings.crm_sync_settling_seconds)
            after = contacts[-1].contact if len(contacts) == PAGE else None
            await store.mark_planned(tx, self.space, self.connection, after)
            await self._tell(tx, row, plan.told)
        return True

    async def send_round(self, hubspot: HubSpot, row: ConnectionRow) -> bool:
        """Whether anything was due."""
        attempt: UUID = uuid7()
        async with self.runtime.transaction([self.space]) as tx:
            limit = self.settings.crm_sync_batch
            due = await store.find_due_links(tx, self.space, self.connection, limit)
            work = plan_round(due, row.field_map)
            now = await store.get_now(tx)
            quiet = [
                settle(one, Written(one.link.remote_id or ""), one.link.base, now, 0)
                for one in work.unchanged
            ]
            await self._save(tx, row, quiet, due, None)
            sent = _sent(work, due)
            if sent:
                await store.mark_attempts(tx, self.space, self.connection, list(sent), attempt)
        if not sent:
            return bool(due)
        delivery = Delivery(hubspot, row.field_map, self._linked, self.settings.crm_sync_batch)
        await delivery.deliver(work, sent)
        async with self.runtime.transaction([self.space]) as tx:
            now = await store.get_now(tx)
            settled = [
                settle(
                    one,
                    delivery.outcomes.get(record, Later("vendor_unavailable")),
                    delivery.bases.get(record, one.link.base),
                    now,
                    random.random(),
                )
                for record, one in sent.items()
            ]
            await self._save(tx, row, settled, list(sent.values()), attempt)
        if delivery.halt is not None:
            await halted(self.runtime, row, delivery.halt, now)
        _log.info("crm.sent", connection=self.connection, links=len(sent))
        return True

    async def _linked(self, remote_ids: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        async with self.runtime.transaction([self.space]) as tx:
            return await store.find_linked(tx, self.space, self.connection, remote_ids)

    async def _save(
        self,
        tx: Tx,
        row: ConnectionRow,
        settled: Sequence[Settled],
        due: Sequence[DueLink],
        attempt: UUID | None,
    ) -> None:
        if not settled:
            return
        before = {one.link.record: one.link for one in due}
        saved = await store.save_results(tx, settled, attempt)
        news = [link for link in saved if _is_news(before[link.record], link)]
        await self._tell(tx, row, news)

    async def _tell(self, tx: Tx, row: ConnectionRow, links: Sequence[Link]) -> None:
        at = await store.get_now(tx)
        tx.emit(*(state_of(link, row.plan(), at) for link in links))

    async def _tell_overdue(self, row: ConnectionRow) -> None:
        if time.monotonic() - self._overdue_checked < OVERDUE_CHECK_SECONDS:
            return
        self._overdue_checked = time.monotonic()
        async with self.runtime.transaction([self.space]) as tx:
            overdue = await store.mark_overdue(
                tx,
                self.space,
                self.connection,
                self.settings.crm_sync_overdue_seconds,
                SENTENCES["not_answered"],
            )
            await self._tell(tx, row, overdue)


def _sent(work: Round, due: Sequence[DueLink]) -> dict[str, DueLink]:
    quiet = {one.link.record for one in work.unchanged}
    return {one.link.record: one for one in due if one.link.record not in quiet}


def _is_news(before: Link, after: Link) -> bool:
    if after.reason_code == "erased":
        return False
    return after.state == "synced" or (before.state, before.reason_code, before.remote_id) != (
        after.state,
        after.reason_code,
        after.remote_id,
    )
