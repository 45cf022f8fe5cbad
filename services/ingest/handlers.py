"""Acceptance, wherever an event came in; and the streams: adapters' events and erasures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from contact_schema import values
from contact_schema.adapter_events import AdapterEvent
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    Expiry,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contact_schema.interactions import IdentityRefused
from contact_schema.records import space_key
from contact_schema.settings import AgentSettings
from ingest import domain, store
from ingest.domain import Arrival, Known, Placement, Spot
from ingest.events import Rejection
from ingest.keys import Keys
from ingest.reading import read_item
from service_kit import metrics
from service_kit.replica import Replica
from service_kit.tx import Batch, Received, Tx

OUTBOX_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True)
class Accepted:
    """What became of the events of one transaction, in their order."""

    duplicates: tuple[bool, ...]
    suppressed: tuple[bool, ...]
    rejected: tuple[bool, ...]
    """Their claim was refused, and the agent's policy is to reject what comes after it."""

    def part(self, start: int, end: int) -> "Accepted":
        return Accepted(
            self.duplicates[start:end], self.suppressed[start:end], self.rejected[start:end]
        )


async def accept(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> Accepted:
    """Accept events that are well formed and authorised: each once, on the record it belongs to."""
    spaces = {arrival.agent.space for arrival in arrivals}
    await tx.name_spaces(spaces)
    await store.lock_spaces(tx, spaces)
    fresh = await _first_of_each(tx, arrivals, now)
    new = [arrival for arrival, is_new in zip(arrivals, fresh, strict=True) if is_new]
    if not new:
        none = (False,) * len(arrivals)
        return Accepted((True,) * len(arrivals), none, none)

    placement = await _place(tx, new)
    kept = [domain.draft(placed) for placed in placement.events if placed.record]
    typed = {(a.space, a.unit) for entry in kept for a in entry.addresses()}
    known = await store.find_typed_addresses(tx, typed)
    drafts, addresses = domain.within_limit(kept, known)

    opened = {key: claim for key, claim in placement.claims.items() if claim}
    await store.upsert_claims(tx, opened)
    await store.end_claims(tx, placement.claims.keys() - opened.keys())
    await store.upsert_conversations(tx, placement.conversations)
    await store.insert_typed_addresses(tx, addresses)
    tx.emit(*(message for entry in drafts for message in domain.messages_of(entry, now)))

    outcomes = iter(placement.events)
    endings = [next(outcomes) if is_new else None for is_new in fresh]
    return Accepted(
        tuple(not is_new for is_new in fresh),
        tuple(bool(e and e.record is None and not e.rejected) for e in endings),
        tuple(bool(e and e.rejected) for e in endings),
    )


async def _first_of_each(tx: Tx, arrivals: Sequence[Arrival], now: datetime) -> list[bool]:
    """Which of them are no duplicates, neither of an earlier event nor of one beside them."""
    ids = [(a.agent.agent, a.fact) for a in arrivals]
    new = await store.insert_events(tx, set(ids), now)
    fresh = []
    for id_ in ids:
        fresh.append(id_ in new)
        new.discard(id_)
    return fresh


async def _place(tx: Tx, arrivals: Sequence[Arrival]) -> Placement:
    ids = domain.Ids()
    spots = [domain.spot_of(arrival, ids) for arrival in arrivals]
    known = await _known(tx, spots)
    while True:
        placement = domain.place(arrivals, spots, known, ids)
        if not placement.unknown:
            return placement
        found = await store.find_fences(tx, placement.unknown)
        if not any(found.values()):
            return placement
        known = replace(known, fences={**known.fences, **found})


async def _known(tx: Tx, spots: Sequence[Spot]) -> Known:
    named = {(spot.space, spot.conversation) for spot in spots if spot.conversation}
    conversations = await store.find_conversations(tx, named)
    claims = await store.find_claims(tx, domain.subjects_of(spots, conversations))
    # Only what changes is written again.
    return Known(claims, conversations)


@dataclass(frozen=True)
class Streams:
    """The handlers of the streams, with what they need beside a transaction."""

    keys: Keys
    secret: str
    agents: Replica[AgentSettings]

    async def on_adapter_events(self, batch: Batch, tx: Tx) -> None:
        """The Kafka door: the same events as over HTTP, authorised by the digest of the key."""
        now = datetime.now(UTC)
        arrivals: list[tuple[Received[AdapterEvent], Arrival]] = []
        for received in batch:
            arrival = self._read(received.body, now)
            if isinstance(arrival, Rejection):
                tx.reject(received, arrival.code)
            else:
                arrivals.append((received, arrival))
        if not arrivals:
            return
        accepted = await accept(tx, [arrival for _, arrival in arrivals], now)
        tx.after_commit(partial(count_rejected, accepted))
        for (received, _), suppressed in zip(arrivals, accepted.suppressed, strict=True):
            if suppressed:
                tx.suppress(received)

    async def on_identity(self, batch: Batch, tx: Tx) -> None:
        """Claims that were refused, where what comes after them is to be rejected. One that names
        nobody is no attempt to be somebody else.
        """
        await store.lock_spaces(tx, {received.space for received in batch})
        refused = set()
        for received in batch:
            body: IdentityRefused = received.body
            agent = self.agents.get(body.agent)
            policy = agent.policies.on_bad_signature if agent else None
            if policy == "reject" and body.code != "blocked":
                refused.add((body.space, body.record, body.claim))
        await store.refuse_claims(tx, refused)

    def _read(self, body: AdapterEvent, now: datetime) -> Arrival | Rejection:
        found = self.keys.find(body.key_digest, "api")
        if found is None or found.agent.agent != body.agent:
            return Rejection("unauthenticated", "The key is not one of this agent.")
        if "events:write" not in found.key.scopes:
            return Rejection("missing-scope", "The key lacks the scope events:write.")
        event = read_item(body.event, now, found.agent.policies.blocked_values)
        if isinstance(event, Rejection):
            return event
        key = space_key(self.secret, found.agent.space)
        return Arrival(found.agent, key, found.rights, event)


def count_rejected(accepted: Accepted) -> None:
    if rejected := sum(accepted.rejected):
        metrics.count("events.rejected", rejected)


async def on_erasure(batch: Batch, tx: Tx) -> None:
    """Put up fences, lift them, and delete what the erased records left here."""
    await store.lock_spaces(tx, {received.space for received in batch})
    for received in batch:
        match received.body:
            case FenceRecords() as order:
                await store.upsert_fences(tx, order)
                tx.emit(_fenced(order), cause=received)
            case EraseRecords() as order:
                tx.emit(await _erase(tx, order), cause=received)
                tx.after_commit(values.forget_parsed)
            case ErasureAdvanced(state="restored") as advanced:
                await store.lift_fences(tx, advanced.space, advanced.erasure)


def _fenced(order: FenceRecords) -> SliceFenced:
    return SliceFenced(
        space=order.space, erasure=order.erasure, slice="ingest", ledger_no=order.ledger_no
    )


async def _erase(tx: Tx, order: EraseRecords) -> SliceErased:
    space, records = order.space, order.records
    await store.fence_units_of_records(tx, space, records)
    counts = {
        "claims": await store.erase_claims(tx, space, records),
        "conversations": await store.erase_conversations(tx, space, records),
        "typed_addresses": await store.erase_typed_addresses(tx, space, records),
    }
    now = datetime.now(UTC)
    return SliceErased(
        space=space,
        erasure=order.erasure,
        slice="ingest",
        ledger_no=order.ledger_no,
        counts=await store.upsert_receipt(tx, space, order.erasure, counts),
        expires=(Expiry(store="outbox", by=now + OUTBOX_KEPT),),
        left=await store.count_rows_of_records(tx, space, records),
        at=now,
    )
