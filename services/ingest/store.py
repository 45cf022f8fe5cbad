"""The rows of the doors: one function for each query, of the same name."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from contact_schema.erasure import FenceRecords
from ingest.domain import Address, Claim, Conversation, Fence
from service_kit.sql import Query, load_queries
from service_kit.tx import Tx

queries: Final = load_queries(Path(__file__).with_name("queries.sql"))

Key = tuple[str, str]


def _columns(rows: Collection[tuple[str | None, ...]], width: int) -> list[list[str | None]]:
    # Sorted by key, so that two transactions reach the same rows in the same order.
    ordered = sorted(rows, key=lambda row: (row[0] or "", row[1] or ""))
    return [[row[column] for row in ordered] for column in range(width)]


async def lock_spaces(tx: Tx, spaces: Iterable[str]) -> None:
    await tx.execute(queries.lock_spaces, sorted(set(spaces)))


async def insert_events(tx: Tx, events: Collection[Key], now: datetime) -> set[Key]:
    rows = await tx.fetch(queries.insert_events, *_columns(events, 2), now)
    return {(row["agent"], row["event"]) for row in rows}


async def find_conversations(tx: Tx, wanted: Collection[Key]) -> dict[Key, Conversation]:
    rows = await tx.fetch(queries.find_conversations, *_columns(wanted, 2)) if wanted else []
    return {
        (row["space"], row["conversation"]): Conversation(
            row["session"], row["record"], row["anonymous"], row["stale"]
        )
        for row in rows
    }


async def find_claims(tx: Tx, wanted: Collection[Key]) -> dict[Key, Claim]:
    rows = await tx.fetch(queries.find_claims, *_columns(wanted, 2)) if wanted else []
    return {
        (row["space"], row["subject"]): Claim(
            row["claim"],
            row["user_id"],
            row["record"],
            row["anonymous"],
            row["refused"],
            row["stale"],
        )
        for row in rows
    }


async def find_fences(tx: Tx, wanted: Collection[Key]) -> dict[Key, Fence | None]:
    """Every wanted record, with ``None`` where it is not fenced."""
    found: dict[Key, Fence | None] = dict.fromkeys(wanted)
    for row in await tx.fetch(queries.find_fences, *_columns(wanted, 2)):
        found[row["space"], row["record"]] = Fence(row["mode"], row["fenced_at"])
    return found


async def find_typed_addresses(tx: Tx, units: Collection[Key]) -> list[Address]:
    rows = await tx.fetch(queries.find_typed_addresses, *_columns(units, 2)) if units else []
    return [Address(row["space"], row["unit"], row["address"]) for row in rows]


async def upsert_claims(tx: Tx, claims: Mapping[Key, Claim]) -> None:
    if claims:
        rows = [(*key, c.id, c.user, c.record, c.anonymous) for key, c in claims.items()]
        await tx.execute(queries.upsert_claims, *_columns(rows, 6))


async def end_claims(tx: Tx, subjects: Collection[Key]) -> None:
    if subjects:
        await tx.execute(queries.end_claims, *_columns(subjects, 2))


async def refuse_claims(tx: Tx, claims: Collection[tuple[str, str, str]]) -> None:
    """Rows of space, record and claim."""
    if claims:
        await tx.execute(queries.refuse_claims, *_columns(claims, 3))


async def upsert_conversations(tx: Tx, conversations: Mapping[Key, Conversation]) -> None:
    if conversations:
        rows = [(*key, c.session, c.record, c.anonymous) for key, c in conversations.items()]
        await tx.execute(queries.upsert_conversations, *_columns(rows, 5))


async def insert_typed_addresses(tx: Tx, records: Mapping[Address, str]) -> None:
    if records:
        rows = [(a.space, a.unit, a.hash, record) for a, record in records.items()]
        await tx.execute(queries.insert_typed_addresses, *_columns(rows, 4))


async def upsert_fences(tx: Tx, order: FenceRecords) -> None:
    await tx.execute(
        queries.upsert_fences,
        order.space,
        sorted(set(order.records)),
        order.erasure,
        order.mode,
        order.fenced_at,
        order.ledger_no,
    )


async def lift_fences(tx: Tx, space: str, erasure: str) -> None:
    await tx.execute(queries.lift_fences, space, erasure)


async def fence_units_of_records(tx: Tx, space: str, records: Collection[str]) -> None:
    await tx.execute(queries.fence_units_of_records, space, list(records))


async def erase_claims(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_claims, space, list(records)))


async def erase_conversations(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_conversations, space, list(records)))


async def erase_typed_addresses(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_typed_addresses, space, list(records)))


async def count_rows_of_records(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.count_rows_of_records, space, list(records)))


async def upsert_receipt(
    tx: Tx, space: str, erasure: str, counts: Mapping[str, int]
) -> dict[str, int]:
    """The counts of the first time this erasure was ordered."""
    given = orjson.dumps(counts).decode()
    kept = await tx.fetchval(queries.upsert_receipt, space, erasure, given)
    return {name: int(count) for name, count in orjson.loads(kept).items()}


async def prune_events(tx: Tx, before: datetime, rows: int) -> int:
    """How many went; as many as ``rows`` means that there may be more."""
    return await _prune(tx, queries.prune_events, before, rows)


async def prune_claims(tx: Tx, before: datetime, rows: int) -> int:
    return await _prune(tx, queries.prune_claims, before, rows)


async def prune_conversations(tx: Tx, before: datetime, rows: int) -> int:
    return await _prune(tx, queries.prune_conversations, before, rows)


async def prune_answers(tx: Tx, before: datetime, rows: int) -> int:
    return await _prune(tx, queries.prune_answers, before, rows)


async def keep_answer(
    tx: Tx, call: tuple[str, str, str], digest: str, body: str, now: datetime, since: datetime
) -> None:
    """``call``: agent, caller and Idempotency-Key. An answer from before ``since`` is over."""
    await tx.execute(queries.keep_answer, *call, digest, body, now, since)


async def find_answer(
    tx: Tx, call: tuple[str, str, str], since: datetime
) -> tuple[str, str] | None:
    """The digest of the body that was sent, and the answer to it."""
    row = await tx.fetchrow(queries.find_answer, *call, since)
    return (row["digest"], row["body"]) if row else None


async def _prune(tx: Tx, query: Query, before: datetime, rows: int) -> int:
    status = await tx.execute(query, before, rows)
    return int(status.rpartition(" ")[2])
