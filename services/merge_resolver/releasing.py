"""Somebody has looked: what was held is told outside as it is now."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from contact_schema.changes import ContactsMerged, ContactsReleased
from merge_resolver import store
from merge_resolver.domain.working import Book
from merge_resolver.handlers import Streams
from merge_resolver.loading import load_blobs
from merge_resolver.saving import save
from service_kit.tx import Tx


async def release(tx: Tx, streams: Streams, space: str, hold: str) -> bool:
    """False where somebody has released it before."""
    await streams.lock(tx, {space})
    held = await store.find_hold(tx, hold)
    now = datetime.now(UTC)
    if held is None or not await store.mark_released(tx, space, hold, now):
        return False
    book = await load_blobs(tx, streams.rulebook.of, space, [held["blob"]])
    await _tell_merges(tx, book, held["held_at"])
    for blob in book.blobs():
        # As if nothing had been told of them yet.
        blob.contacts = {
            name: replace(one, snapshot="") for name, one in sorted(blob.contacts.items())
        }
        blob.stir()
    await save(tx, [book], streams.key_of, {}, {})
    tx.emit(ContactsReleased(space=space, hold=hold, at=now))
    return True


async def _tell_merges(tx: Tx, book: Book, since: datetime) -> None:
    records = [record for blob in book.blobs() for record in blob.records]
    for row in await store.list_merges_since(tx, book.space, records, since):
        tx.emit(_merged(book.space, row))


def _merged(space: str, row: Any) -> ContactsMerged:
    return ContactsMerged(
        space=space,
        merge=row["merge"],
        into=row["into_contact"],
        absorbed=tuple(row["absorbed"]),
        cause=row["cause"],
        evidence=None if row["evidence"] is None else orjson.loads(row["evidence"]),
        link=row["link"],
        at=row["at"],
    )
