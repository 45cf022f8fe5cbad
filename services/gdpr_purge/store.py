"""The rows of `gdpr_purge`: one function per query, of the same name."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from contact_schema.erasure import SliceErased, SliceFenced
from gdpr_purge.domain import Case, Entry, Request, Scope
from service_kit.sql import load_queries
from service_kit.tx import Tx

queries = load_queries(Path(__file__).with_name("queries.sql"))

Key = tuple[str, str]
"""Space and erasure."""


async def insert_cases(tx: Tx, keys: Collection[Key]) -> None:
    await tx.execute(queries.insert_cases, *_columns(keys))


async def lock_cases(tx: Tx, keys: Collection[Key]) -> dict[Key, Case]:
    rows = await tx.fetch(queries.lock_cases, *_columns(keys))
    receipts = await find_receipts(tx, keys)
    return {(row["space"], row["erasure"]): _case(row, receipts) for row in rows}


async def find_receipts(tx: Tx, keys: Collection[Key]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.find_receipts, *_columns(keys))


async def upsert_receipts(
    tx: Tx, receipts: Iterable[tuple[SliceFenced | SliceErased, datetime]]
) -> None:
    """With the time of each."""
    rows = [
        {
            "space": receipt.space,
            "erasure": receipt.erasure,
            "slice": receipt.slice,
            "at": at.isoformat(),
            **_of_step(receipt),
        }
        for receipt, at in receipts
    ]
    # One statement may not meet a row twice: the last answer of a slice counts
    last = {(r["space"], r["erasure"], r["step"], r["slice"]): r for r in rows}
    if last:
        await tx.execute(queries.upsert_receipts, json.dumps(list(last.values())))


async def save_cases(tx: Tx, cases: Iterable[Case], sent: Collection[Key]) -> None:
    """``sent``: cases whose step was ordered in this transaction."""
    rows = [
        {
            "space": case.space,
            "erasure": case.erasure,
            "records": list(case.scope.records) if case.scope else [],
            "ids": list(case.scope.ids) if case.scope else [],
            "scoped": case.scope is not None,
            "state": case.state,
            "reason": case.reason,
            "fence_no": case.fence_no,
            "erase_no": case.erase_no,
            "fenced_at": case.fenced_at,
            "due_at": case.due_at,
            "sent": (case.space, case.erasure) in sent,
            **(asdict(case.request) if case.request else {}),
        }
        for case in cases
    ]
    if rows:
        await tx.execute(queries.save_cases, json.dumps(rows, default=_time))


async def list_due_cases(tx: Tx, repeat_seconds: float) -> list[Key]:
    rows = await tx.fetch(queries.list_due_cases, repeat_seconds)
    return [(row["space"], row["erasure"]) for row in rows]


async def get_now(tx: Tx) -> datetime:
    now: datetime = await tx.fetchval(queries.get_now)
    return now


async def lock_ledger_head(tx: Tx) -> tuple[int, str]:
    """The last number and hash."""
    row = await tx.fetchrow(queries.lock_ledger_head)
    assert row is not None
    return row["number"], row["hash"]


async def insert_entry(tx: Tx, entry: Entry, salt: bytes, detail: Mapping[str, Any]) -> None:
    values = json.dumps(asdict(entry), default=_time)
    await tx.execute(queries.insert_entry, values, salt, json.dumps(dict(detail)))


async def list_entries(
    tx: Tx, after: int, limit: int
) -> list[tuple[Entry, Mapping[str, Any] | None]]:
    """Entries with their detail, while it is kept."""
    rows = await tx.fetch(queries.list_entries, after, limit)
    return [
        (
            Entry(**{name: row[name] for name in Entry.__dataclass_fields__}),
            json.loads(row["detail"]) if row["detail"] is not None else None,
        )
        for row in rows
    ]


async def get_case(tx: Tx, space: str, erasure: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.get_case, space, erasure)


def _case(row: asyncpg.Record, receipts: Sequence[asyncpg.Record]) -> Case:
    own = [r for r in receipts if (r["space"], r["erasure"]) == (row["space"], row["erasure"])]
    known = row["contact"] is not None
    return Case(
        space=row["space"],
        erasure=row["erasure"],
        state=row["state"],
        reason=row["reason"],
        request=Request(**{name: row[name] for name in Request.__dataclass_fields__})
        if known
        else None,
        scope=Scope(tuple(row["records"]), tuple(row["ids"])) if row["scoped"] else None,
        fence_no=row["fence_no"],
        erase_no=row["erase_no"],
        fenced_at=row["fenced_at"],
        due_at=row["due_at"],
        fenced=frozenset(r["slice"] for r in own if r["step"] == "fence"),
        left={r["slice"]: r["left_over"] for r in own if r["step"] == "erase"},
    )


def _of_step(receipt: SliceFenced | SliceErased) -> dict[str, Any]:
    if isinstance(receipt, SliceFenced):
        return {"step": "fence", "counts": {}, "expires": [], "left_over": 0}
    return {
        "step": "erase",
        "counts": receipt.counts,
        "expires": [one.model_dump(mode="json") for one in receipt.expires],
        "left_over": receipt.left,
    }


def _columns(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    pairs = sorted(set(keys))
    return [space for space, _ in pairs], [erasure for _, erasure in pairs]


def _time(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()


def decode(value: str) -> Any:
    return json.loads(value)
