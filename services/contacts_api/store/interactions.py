"""Timeline, activity and conversations."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg
import orjson

from contacts_api.domain.contact_rows import Place
from contacts_api.domain.interactions import TIMELINE_COLUMNS, Row
from contacts_api.store.statements import Stretch, as_json, columns, queries
from service_kit.tx import Tx


async def find_fenced(tx: Tx, records: Iterable[Place]) -> set[Place]:
    found = await tx.fetch(queries.find_fenced, *columns(sorted(records), 2))
    return {(row["space"], row["record"]) for row in found}


async def find_closed(tx: Tx, space: str, records: Iterable[str]) -> set[str]:
    found = await tx.fetch(queries.find_closed, space, sorted(records))
    return {row["record"] for row in found}


async def insert_timeline(tx: Tx, rows: Iterable[Row]) -> None:
    records = [
        tuple(
            orjson.dumps(row[name]).decode() if name == "detail" else row[name]
            for name in TIMELINE_COLUMNS
        )
        for row in rows
    ]
    await tx.copy("contacts_api.timeline", TIMELINE_COLUMNS, records)


async def upsert_activity(tx: Tx, rows: Iterable[Row]) -> None:
    await tx.execute(queries.upsert_activity, as_json(rows))


async def upsert_conversations(tx: Tx, rows: Iterable[Row]) -> None:
    await tx.execute(queries.upsert_conversations, as_json(rows))


async def insert_proven_claims(tx: Tx, claims: Iterable[tuple[str, str, str]]) -> None:
    """Rows of space, claim and record."""
    await tx.execute(queries.insert_proven_claims, *columns(sorted(set(claims)), 3))


async def forget_proven_claims(tx: Tx, space: str, contact: str) -> None:
    await tx.execute(queries.forget_proven_claims, space, contact)


async def advance_last_seen(tx: Tx, seen: Iterable[tuple[str, str, datetime]]) -> None:
    await tx.execute(queries.advance_last_seen, *columns(sorted(seen), 3))


async def find_conversation(
    tx: Tx, space: str, agent: str, conversation: str
) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_conversation, space, agent, conversation)


async def list_timeline(
    tx: Tx,
    space: str,
    contact: str,
    stretch: Stretch,
    filters: tuple[Sequence[str] | None, Sequence[str] | None, str | None],
) -> list[asyncpg.Record]:
    """``filters``: channels, types, conversation."""
    query = stretch.of(queries.list_timeline)
    return await tx.fetch(query, space, contact, stretch.at, stretch.id, stretch.rows, *filters)
