"""Notes of the team, and the audit."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from contacts_api.store.statements import Stretch, queries
from service_kit.tx import Tx


async def list_notes(tx: Tx, space: str, contact: str, stretch: Stretch) -> list[asyncpg.Record]:
    query = stretch.of(queries.list_notes)
    return await tx.fetch(query, space, contact, stretch.at, stretch.id, stretch.rows)


async def insert_note(
    tx: Tx, place: tuple[str, str, str], text: str, author: str, at: datetime
) -> asyncpg.Record:
    """``place``: space, note, record."""
    row = await tx.fetchrow(queries.insert_note, *place, text, author, at)
    assert row is not None
    return row


async def update_note(
    tx: Tx, place: tuple[str, str, str], text: str, at: datetime, expected: int | None
) -> asyncpg.Record | None:
    """``place``: space, contact, note."""
    return await tx.fetchrow(queries.update_note, *place, text, at, expected)


async def find_note(tx: Tx, space: str, contact: str, note: str) -> int | None:
    version: int | None = await tx.fetchval(queries.find_note, space, contact, note)
    return version


async def delete_note(tx: Tx, space: str, contact: str, note: str) -> bool:
    return await tx.fetchval(queries.delete_note, space, contact, note) is not None


async def insert_audit(
    tx: Tx,
    space: str,
    entries: Sequence[str],
    actor: tuple[str, str, str],
    action: str,
    contacts: Sequence[str | None],
    detail: str = "{}",
) -> None:
    """``actor``: kind, id, name."""
    await tx.execute(queries.insert_audit, space, entries, *actor, action, contacts, detail)


async def list_audit(
    tx: Tx,
    space: str,
    stretch: Stretch,
    contact: str | None,
    action: str | None,
) -> list[asyncpg.Record]:
    query = stretch.of(queries.list_audit)
    return await tx.fetch(query, space, stretch.at, stretch.id, stretch.rows, contact, action)
