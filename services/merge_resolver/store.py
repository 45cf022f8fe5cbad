"""The rows of the resolver: one function for each query, of the same name.

Rows are tuples in the order of the query's parameters; a query that has nothing to do is not sent.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from service_kit.sql import Query, load_queries
from service_kit.tx import Tx

queries: Final = load_queries(Path(__file__).with_name("queries.sql"))

Key = tuple[str, str]
Rows = Sequence[asyncpg.Record]


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def _write(tx: Tx, query: Query, rows: Collection[Sequence[Any]]) -> None:
    """In one order, so that two transactions never wait for each other in a circle."""
    if rows:
        await tx.execute(query, *_columns(sorted(rows, key=lambda row: tuple(row[:2]))))


async def _read(tx: Tx, query: Query, rows: Collection[tuple[str, ...]]) -> Rows:
    return await tx.fetch(query, *_columns(sorted(rows))) if rows else ()


async def read_only(tx: Tx) -> None:
    await tx.execute(queries.read_only)


async def insert_spaces(tx: Tx, spaces: Collection[str]) -> None:
    await tx.execute(queries.insert_spaces, sorted(spaces))


async def lock_spaces(tx: Tx, spaces: Collection[str]) -> Rows:
    return await tx.fetch(queries.lock_spaces, sorted(spaces))


async def list_policies(tx: Tx, spaces: Collection[str]) -> Rows:
    return await tx.fetch(queries.list_policies, sorted(spaces))


async def change_policies(tx: Tx, policies: Collection[tuple[str, str, int]]) -> None:
    """Space, policies as text, and when."""
    await _write(tx, queries.change_policies, policies)


async def find_unswept(tx: Tx) -> list[tuple[str, int]]:
    return [(row["space"], row["changed_at"]) for row in await tx.fetch(queries.find_unswept)]


async def list_unswept_blobs(tx: Tx, space: str, blobs: int) -> list[str]:
    return [row["blob"] for row in await tx.fetch(queries.list_unswept_blobs, space, blobs)]


async def list_blobs(tx: Tx, space: str, after: str, blobs: int) -> list[str]:
    return [row["blob"] for row in await tx.fetch(queries.list_blobs, space, after, blobs)]


async def mark_swept(tx: Tx, space: str, blob: str | None) -> None:
    await tx.execute(queries.mark_swept, space, blob)


async def raise_epochs(tx: Tx, spaces: Collection[str]) -> None:
    await tx.execute(queries.raise_epochs, sorted(spaces))


async def find_fenced(tx: Tx, records: Collection[Key]) -> set[Key]:
    rows = await _read(tx, queries.find_fenced, records)
    return {(row["space"], row["record"]) for row in rows}


async def find_retracted(tx: Tx, facts: Collection[Key]) -> set[Key]:
    rows = await _read(tx, queries.find_retracted, facts)
    return {(row["space"], row["fact"]) for row in rows}


async def find_blobs(tx: Tx, names: Collection[tuple[str, str, str]]) -> Rows:
    return await _read(tx, queries.find_blobs, names)


async def list_records(tx: Tx, blobs: Collection[Key]) -> Rows:
    return await _read(tx, queries.list_records, blobs)


async def list_facts(tx: Tx, blobs: Collection[Key]) -> Rows:
    return await _read(tx, queries.list_facts, blobs)


async def list_contacts(tx: Tx, blobs: Collection[Key]) -> Rows:
    return await _read(tx, queries.list_contacts, blobs)


async def list_decisions(
    tx: Tx, blobs: Collection[Key], names: Collection[tuple[str, str, str]]
) -> Rows:
    wanted = _columns(sorted(blobs)) or [[], []]
    named = _columns(sorted(names)) or [[], [], []]
    return await tx.fetch(queries.list_decisions, *wanted, *named)


async def find_decisions(tx: Tx, facts: Collection[Key]) -> set[tuple[str, str, str]]:
    """The identifiers about which these decided: space, type and key."""
    rows = await _read(tx, queries.find_decisions, facts)
    return {(row["space"], row["type"], row["key"]) for row in rows}


async def find_homes(tx: Tx, facts: Collection[Key]) -> dict[Key, str]:
    rows = await _read(tx, queries.find_homes, facts)
    return {(row["space"], row["fact"]): row["record"] for row in rows}


async def find_merges(tx: Tx, names: Collection[Key]) -> Rows:
    return await _read(tx, queries.find_merges, names)


async def find_standing_merges(tx: Tx, records: Collection[Key]) -> Rows:
    return await _read(tx, queries.find_standing_merges, records)


async def find_settled(tx: Tx, commands: Collection[Key]) -> dict[Key, str]:
    rows = await _read(tx, queries.find_settled, commands)
    return {(row["space"], row["command"]): row["body"] for row in rows}


async def rename_blobs_of_records(tx: Tx, blobs: Collection[tuple[str, str, str]]) -> None:
    await _write(tx, queries.rename_blobs_of_records, blobs)


async def rename_blobs_of_identifiers(tx: Tx, blobs: Collection[tuple[str, str, str]]) -> None:
    await _write(tx, queries.rename_blobs_of_identifiers, blobs)


async def rename_blobs_of_holds(tx: Tx, blobs: Collection[tuple[str, str, str]]) -> None:
    await _write(tx, queries.rename_blobs_of_holds, blobs)


async def find_holds_of(tx: Tx, blobs: Collection[Key]) -> set[Key]:
    rows = await _read(tx, queries.find_holds_of, blobs)
    return {(row["space"], row["blob"]) for row in rows}


async def insert_hold(tx: Tx, *row: Any) -> None:
    await tx.execute(queries.insert_hold, *row)


async def list_holds(tx: Tx) -> Rows:
    return await tx.fetch(queries.list_holds)


async def find_hold(tx: Tx, hold: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_hold, hold)


async def mark_released(tx: Tx, space: str, hold: str, at: datetime) -> bool:
    return await tx.fetchval(queries.mark_released, space, hold, at) is not None


async def list_merges_since(tx: Tx, space: str, records: Collection[str], since: datetime) -> Rows:
    return await tx.fetch(queries.list_merges_since, space, sorted(records), since)


async def upsert_records(tx: Tx, rows: Collection[Sequence[Any]]) -> None:
    await _write(tx, queries.upsert_records, rows)


async def insert_identifiers(tx: Tx, rows: Collection[tuple[str, str, str, str]]) -> None:
    await _write(tx, queries.insert_identifiers, rows)


async def upsert_facts(tx: Tx, rows: Collection[Sequence[Any]]) -> None:
    await _write(tx, queries.upsert_facts, rows)


async def delete_facts(tx: Tx, facts: Collection[Key]) -> None:
    await _write(tx, queries.delete_facts, facts)


async def insert_decisions(tx: Tx, rows: Collection[Sequence[Any]]) -> None:
    await _write(tx, queries.insert_decisions, rows)


async def delete_decisions(tx: Tx, facts: Collection[Key]) -> None:
    await _write(tx, queries.delete_decisions, facts)


async def insert_retracted(tx: Tx, facts: Collection[Key]) -> None:
    await _write(tx, queries.insert_retracted, facts)


async def upsert_contacts(tx: Tx, rows: Collection[tuple[str, str, str]]) -> None:
    await _write(tx, queries.upsert_contacts, rows)


async def mark_versions(tx: Tx, rows: Collection[tuple[str, str, int, bool]]) -> None:
    await _write(tx, queries.mark_versions, rows)


async def delete_contacts(tx: Tx, contacts: Collection[Key]) -> None:
    await _write(tx, queries.delete_contacts, contacts)


async def insert_merges(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await tx.execute(queries.insert_merges, orjson.dumps(rows, default=list).decode())


async def mark_undone(tx: Tx, rows: Collection[Sequence[Any]]) -> None:
    await _write(tx, queries.mark_undone, rows)


async def insert_settled(tx: Tx, rows: Collection[Sequence[Any]]) -> None:
    await _write(tx, queries.insert_settled, rows)


async def get_erasure(tx: Tx, space: str, erasure: str) -> str | None:
    contact: str | None = await tx.fetchval(queries.get_erasure, space, erasure)
    return contact


async def insert_erasure(tx: Tx, space: str, erasure: str, contact: str) -> None:
    await tx.execute(queries.insert_erasure, space, erasure, contact)


async def list_fenced(tx: Tx, space: str, erasure: str) -> list[str]:
    return [row["record"] for row in await tx.fetch(queries.list_fenced, space, erasure)]


async def insert_fences(tx: Tx, space: str, records: Collection[str], erasure: str) -> None:
    await tx.execute(queries.insert_fences, space, sorted(records), erasure)


async def lift_fences(tx: Tx, space: str, erasure: str) -> list[str]:
    return [row["record"] for row in await tx.fetch(queries.lift_fences, space, erasure)]


async def erase_records(tx: Tx, space: str, records: Collection[str]) -> None:
    await tx.execute(queries.erase_records, space, sorted(records))


async def erase_identifiers(
    tx: Tx, space: str, blobs: Collection[str], kept: Collection[Key]
) -> int:
    types, keys = [one[0] for one in kept], [one[1] for one in kept]
    return int(await tx.fetchval(queries.erase_identifiers, space, sorted(blobs), types, keys))


async def erase_merges(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_merges, space, sorted(records)))


async def erase_settled(tx: Tx, space: str, records: Collection[str]) -> None:
    await tx.execute(queries.erase_settled, space, sorted(records))


async def count_rows_of_records(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.count_rows_of_records, space, sorted(records)))


async def upsert_receipt(
    tx: Tx, space: str, erasure: str, counts: Mapping[str, int]
) -> dict[str, int]:
    """The counts of the first time this erasure was ordered."""
    given = orjson.dumps(counts).decode()
    kept = await tx.fetchval(queries.upsert_receipt, space, erasure, given)
    return {name: int(count) for name, count in orjson.loads(kept).items()}
