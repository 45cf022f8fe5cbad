"""Erasures: what is hidden, fenced, gone, and what every slice answered."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg

from contacts_api.domain.contact_rows import Place, Row
from contacts_api.store.statements import Stretch, as_json, columns, queries
from service_kit.tx import Tx


async def insert_erasure(
    tx: Tx,
    place: Place,
    contact: str,
    terms: tuple[str, int, str | None],
    requested: tuple[str, datetime],
) -> bool:
    """Whether it is new. ``place``: space and erasure; ``terms``: mode, grace in days, reason;
    ``requested``: who and when.
    """
    new = await tx.fetchval(queries.insert_erasure, *place, contact, *terms, *requested)
    return new is not None


async def hide_contact(tx: Tx, space: str, contact: str, erasure: str) -> int | None:
    version: int | None = await tx.fetchval(queries.hide_contact, space, contact, erasure)
    return version


async def show_contacts(tx: Tx, erasures: Iterable[Place]) -> None:
    await tx.execute(queries.show_contacts, *columns(erasures, 2))


async def insert_fences(tx: Tx, fences: Iterable[tuple[str, str, str]]) -> None:
    """Space, record, erasure."""
    await tx.execute(queries.insert_fences, *columns(sorted(fences), 3))


async def insert_fences_of_ids(tx: Tx, fences: Iterable[tuple[str, str, str]]) -> None:
    await tx.execute(queries.insert_fences_of_ids, *columns(sorted(fences), 3))


async def drop_fenced(tx: Tx, records: Iterable[Place]) -> None:
    await tx.execute(queries.drop_fenced, *columns(sorted(records), 2))


async def mark_erasures(
    tx: Tx, states: Iterable[tuple[str, str, str, str | None, datetime]]
) -> None:
    """Space, erasure, state, reason where it is blocked, time."""
    await tx.execute(queries.mark_erasures, *columns(states, 5))


async def upsert_fenced_receipts(
    tx: Tx, receipts: Iterable[tuple[str, str, str, datetime]]
) -> None:
    await tx.execute(queries.upsert_fenced_receipts, *columns(receipts, 4))


async def upsert_erased_receipts(tx: Tx, rows: Iterable[Row]) -> None:
    await tx.execute(queries.upsert_erased_receipts, as_json(rows))


async def erase_records(
    tx: Tx, space: str, records: Sequence[str], ids: Sequence[str]
) -> asyncpg.Record:
    counts = await tx.fetchrow(queries.erase_records, space, records, ids)
    assert counts is not None
    return counts


async def count_left(tx: Tx, space: str, records: Sequence[str]) -> int:
    return int(await tx.fetchval(queries.count_left, space, records))


async def find_receipt(tx: Tx, space: str, erasure: str, slice_: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_receipt, space, erasure, slice_)


async def find_erasure(tx: Tx, space: str, erasure: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_erasure, space, erasure)


async def list_erasures(tx: Tx, space: str, stretch: Stretch) -> list[asyncpg.Record]:
    query = stretch.of(queries.list_erasures)
    return await tx.fetch(query, space, stretch.at, stretch.id, stretch.rows)


async def list_receipts(tx: Tx, space: str, erasures: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_receipts, space, erasures)
