"""The merge journal as this service shows it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg

from contacts_api.domain.contact_rows import Row
from contacts_api.store.statements import Stretch, as_json, columns, queries
from service_kit.tx import Tx


async def insert_merges(tx: Tx, rows: Iterable[Row]) -> None:
    await tx.execute(queries.insert_merges, as_json(rows))


async def mark_undone(tx: Tx, undone: Iterable[tuple[str, str, datetime]]) -> None:
    await tx.execute(queries.mark_undone, *columns(undone, 3))


async def list_merges(tx: Tx, space: str, contact: str, stretch: Stretch) -> list[asyncpg.Record]:
    query = stretch.of(queries.list_merges)
    return await tx.fetch(query, space, contact, stretch.at, stretch.id, stretch.rows)


async def find_merge(tx: Tx, space: str, merge: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_merge, space, merge)


async def list_parties(tx: Tx, space: str, ids: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_parties, space, ids)
