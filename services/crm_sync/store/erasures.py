"""Fences and erasures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_sync.store.sql import Named, columns, queries
from service_kit.tx import Tx


@dataclass(frozen=True, slots=True)
class OpenErasure:
    space: str
    erasure: str
    ledger_no: int
    records: tuple[str, ...]
    attempts: int
    remote_records: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Of an erasure that is done."""

    space: str
    erasure: str
    ledger_no: int
    counts: Mapping[str, int]
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class LinkToErase:
    connection: str
    record: str
    remote_id: str | None
    key_written: bool
    under_way: bool
    connection_state: str
    shared: bool


async def find_fenced(tx: Tx, named: Named) -> set[tuple[str, str]]:
    rows = await tx.fetch(queries.find_fenced, *columns(named))
    return {(row["space"], row["record"]) for row in rows}


async def insert_fenced(tx: Tx, fences: Mapping[tuple[str, str], tuple[str, datetime]]) -> None:
    """``fences``: (space, record) to erasure and time."""
    await tx.execute(
        queries.insert_fenced,
        *columns(fences),
        [erasure for erasure, _ in fences.values()],
        [at for _, at in fences.values()],
    )


async def mark_links_fenced(tx: Tx, named: Named, reason: str) -> None:
    await tx.execute(queries.mark_links_fenced, *columns(named), reason)


async def insert_erasures(tx: Tx, erasures: Sequence[Mapping[str, Any]]) -> None:
    await tx.execute(queries.insert_erasures, json.dumps(erasures))


async def find_receipts(tx: Tx, named: Named) -> list[Receipt]:
    rows = await tx.fetch(queries.find_receipts, *columns(named))
    return [Receipt(**{**row, "counts": json.loads(row["counts"])}) for row in rows]


async def list_due_erasures(tx: Tx, limit: int) -> list[OpenErasure]:
    rows = await tx.fetch(queries.list_due_erasures, limit)
    return [OpenErasure(**{**row, "records": tuple(row["records"])}) for row in rows]


async def list_links_to_erase(tx: Tx, space: str, records: Sequence[str]) -> list[LinkToErase]:
    rows = await tx.fetch(queries.list_links_to_erase, space, list(records))
    return [LinkToErase(**row) for row in rows]


async def mark_remote_erased(tx: Tx, erasure: OpenErasure, link: LinkToErase) -> None:
    await tx.execute(
        queries.mark_remote_erased, erasure.space, erasure.erasure, link.connection, link.record
    )


async def get_remote_erased(tx: Tx, erasure: OpenErasure) -> int:
    erased: int = await tx.fetchval(queries.get_remote_erased, erasure.space, erasure.erasure)
    return erased


async def delay_erasure(tx: Tx, erasure: OpenErasure, seconds: float) -> None:
    await tx.execute(queries.delay_erasure, erasure.space, erasure.erasure, seconds)


async def erase_links(tx: Tx, space: str, records: Sequence[str]) -> int:
    return _count(await tx.execute(queries.erase_links, space, list(records)))


async def erase_contacts(tx: Tx, space: str, records: Sequence[str]) -> int:
    return _count(await tx.execute(queries.erase_contacts, space, list(records)))


async def erase_records(tx: Tx, space: str, records: Sequence[str]) -> int:
    return _count(await tx.execute(queries.erase_records, space, list(records)))


async def count_left(tx: Tx, space: str, records: Sequence[str]) -> int:
    left: int = await tx.fetchval(queries.count_left, space, list(records))
    return left


async def mark_erased(tx: Tx, erasure: OpenErasure, counts: Mapping[str, int]) -> datetime:
    at: datetime = await tx.fetchval(
        queries.mark_erased, erasure.space, erasure.erasure, json.dumps(dict(counts))
    )
    return at


def _count(status: str) -> int:
    """Of a statement's status line, ``DELETE 3``."""
    return int(status.rpartition(" ")[2])
