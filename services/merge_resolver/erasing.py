"""This service's part in an erasure: fix the set, hide it, delete it, and say what is left."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contact_schema.changes import ContactErased
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    ErasureRequested,
    ErasureScoped,
    Expiry,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contact_schema.values import forget_parsed
from merge_resolver import store
from merge_resolver.domain.blobs import identifiers_of
from merge_resolver.domain.bodies import without
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.snapshot import microseconds
from merge_resolver.domain.working import Book
from merge_resolver.handlers import Streams
from merge_resolver.loading import load
from merge_resolver.saving import save
from service_kit.tx import Batch, Received, Tx

SLICE: Final = "merge_resolver"
OUTBOX_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True)
class Erasing:
    streams: Streams

    async def on_erasure(self, batch: Batch, tx: Tx) -> None:
        """A handful a day, so one by one: the steps of an erasure must stay in their order."""
        spaces = {received.space for received in batch}
        await self.streams.lock(tx, spaces)
        for received in batch:
            match received.body:
                case ErasureRequested() as request:
                    await self._scope(tx, request, received)
                case FenceRecords() as order:
                    await self._hide(tx, order.space, order.records, order.erasure, received)
                    tx.emit(_fenced(order), cause=received)
                case EraseRecords() as order:
                    await self._erase(tx, order, received)
                case ErasureAdvanced(state="restored") as advanced:
                    await self._restore(tx, advanced, received)
        tx.after_commit(self.streams.known.forget)
        tx.after_commit(forget_parsed)

    async def _scope(self, tx: Tx, request: ErasureRequested, received: Received[Any]) -> None:
        """The whole set of records, as it is in this moment; what comes later is not in it."""
        space, erasure = request.space, request.erasure
        contact = await store.get_erasure(tx, space, erasure)
        records: list[str] = []
        blocked = None
        if contact is not None:
            records = await store.list_fenced(tx, space, erasure)
        else:
            contact = request.contact
            book = await self._book(tx, space, [contact])
            records, blocked = _set_of(book, request)
            if blocked is None:
                await store.insert_erasure(tx, space, erasure, contact)
                await self._hide(tx, space, records, erasure, received)
        tx.emit(
            ErasureScoped(
                space=space,
                erasure=erasure,
                contact=contact,
                records=tuple(records),
                ids=tuple(sorted({contact, *records})) if records else (),
                blocked=blocked,
            ),
            cause=received,
        )

    async def _hide(
        self,
        tx: Tx,
        space: str,
        records: Collection[str],
        erasure: str,
        received: Received[Any],
    ) -> None:
        """Leave them out of every contact. Others that they held together come apart."""
        await store.insert_fences(tx, space, records, erasure)
        await store.raise_epochs(tx, [space])
        await self._again(tx, await self._book(tx, space, records), received)

    async def _restore(self, tx: Tx, advanced: ErasureAdvanced, received: Received[Any]) -> None:
        """Exactly what was there; what came since links by the ordinary rules."""
        records = await store.lift_fences(tx, advanced.space, advanced.erasure)
        await store.raise_epochs(tx, [advanced.space])
        await self._again(tx, await self._book(tx, advanced.space, records), received)

    async def _erase(self, tx: Tx, order: EraseRecords, received: Received[Any]) -> None:
        space, records = order.space, order.records
        await store.insert_fences(tx, space, records, order.erasure)
        await store.raise_epochs(tx, [space])
        book = await self._book(tx, space, records)
        counts = {"records": 0, "facts": _take_out(book, frozenset(records))}
        kept = {
            (one.type, one.key)
            for blob in book.blobs()
            for fact in blob.facts.values()
            if isinstance(fact, Observe)
            for one in identifiers_of(fact)
        }
        for blob in book.blobs():
            counts["records"] += sum(blob.records.pop(one, None) is not None for one in records)
        await store.erase_records(tx, space, records)
        names = {name for blob in book.blobs() for name in (blob.id, *blob.merged_ids)}
        counts["identifiers"] = await store.erase_identifiers(tx, space, names, sorted(kept))
        counts["merges"] = await store.erase_merges(tx, space, records)
        await store.erase_settled(tx, space, records)
        await self._again(tx, book, received)
        await self._report(tx, order, received, counts)

    async def _report(
        self, tx: Tx, order: EraseRecords, received: Received[Any], counts: dict[str, int]
    ) -> None:
        now = datetime.now(UTC)
        contact = await store.get_erasure(tx, order.space, order.erasure)
        ids = tuple(sorted({*order.ids, *order.records}))
        tx.emit(
            ContactErased(
                space=order.space,
                contact=contact or next(iter(order.ids or order.records), ""),
                ids=ids,
                erasure=order.erasure,
            ),
            SliceErased(
                space=order.space,
                erasure=order.erasure,
                slice=SLICE,
                ledger_no=order.ledger_no,
                counts=await store.upsert_receipt(tx, order.space, order.erasure, counts),
                expires=(Expiry(store="outbox", by=now + OUTBOX_KEPT),),
                left=await store.count_rows_of_records(tx, order.space, order.records),
                at=now,
            ),
            cause=received,
        )

    async def _book(self, tx: Tx, space: str, records: Collection[str]) -> Book:
        wanted = {(space, "record", record) for record in records}
        return (await load(tx, self.streams.rulebook.of, [space], wanted))[space]

    async def _again(self, tx: Tx, book: Book, received: Received[Any]) -> None:
        """Find the contacts of these blobs anew."""
        causes: dict[int, Received[Any]] = {}
        for blob in book.blobs():
            blob.stir()
            blob.cause, blob.at = "erasure", max(blob.at, microseconds(received.appended_at))
            causes[id(blob)] = received
        await save(tx, [book], self.streams.key_of, causes, {})


def _fenced(order: FenceRecords) -> SliceFenced:
    return SliceFenced(
        space=order.space, erasure=order.erasure, slice=SLICE, ledger_no=order.ledger_no
    )


def _set_of(book: Book, request: ErasureRequested) -> tuple[list[str], str | None]:
    """The contact's records; or why nothing was fixed."""
    blob = book.find(request.contact)
    contact = blob.contact_with(request.contact) if blob is not None else None
    if blob is None or contact is None:
        return [], "not-found"
    stored = blob.contacts.get(contact.id)
    if contact.id != request.contact or stored is None or stored.set_version > request.version:
        return [], "set-changed"
    return sorted(record.id for record in contact.records), None


def _take_out(book: Book, erased: frozenset[str]) -> int:
    """Facts of these records go; decisions that name others too are kept for those."""
    gone = 0
    for blob in book.blobs():
        for fact in blob.kept():
            left = without(fact, erased)
            if left is None:
                blob.remove(fact.id)
                gone += 1
            elif left is not fact:
                blob.remove(fact.id)
                blob.add(left)
    return gone
