"""Links to remote records and their attempts."""

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from crm_sync.domain.links import Link, Saved
from crm_sync.domain.sending import DueLink, Settled
from crm_sync.store.sql import Named, columns, queries
from service_kit.tx import Tx


async def lock_links(tx: Tx, named: Named) -> list[tuple[str, Link]]:
    rows = await tx.fetch(queries.lock_links, *columns(named))
    return [(row["holder"], _link(row)) for row in rows]


async def upsert_links(tx: Tx, saved: Sequence[Saved], settling: float) -> None:
    rows = [
        {
            "space": one.link.space,
            "connection": one.link.connection,
            "record": one.link.record,
            "contact": one.link.contact,
            "version": one.link.version,
            "state": one.link.state,
            "reason_code": one.link.reason_code,
            "reason": one.link.reason,
            "remote_id": one.link.remote_id,
            "secondary": one.link.secondary,
            "forced": one.link.forced,
            "attempts": one.link.attempts,
            "due": one.due,
        }
        for one in saved
    ]
    if rows:
        await tx.execute(queries.upsert_links, json.dumps(rows), settling)


async def delete_links(tx: Tx, links: Sequence[Link]) -> None:
    if links:
        await tx.execute(
            queries.delete_links,
            [link.space for link in links],
            [link.connection for link in links],
            [link.record for link in links],
        )


async def find_due_links(tx: Tx, space: str, connection: str, limit: int) -> list[DueLink]:
    rows = await tx.fetch(queries.find_due_links, space, connection, limit)
    return [DueLink(_link(row), json.loads(row["fields"]), row["key_written"]) for row in rows]


async def mark_attempts(
    tx: Tx, space: str, connection: str, records: Sequence[str], attempt: UUID
) -> None:
    await tx.execute(queries.mark_attempts, space, connection, list(records), attempt)


async def save_results(tx: Tx, settled: Sequence[Settled], attempt: UUID | None) -> list[Link]:
    rows = [
        {
            "space": one.link.space,
            "connection": one.link.connection,
            "record": one.link.record,
            "version": one.link.version,
            "state": one.link.state,
            "reason_code": one.link.reason_code,
            "reason": one.link.reason,
            "remote_id": one.link.remote_id,
            "forced": one.link.forced,
            "attempts": one.link.attempts,
            "base": {name: dict(sides) for name, sides in one.link.base.items()},
            "wait": one.wait,
        }
        for one in settled
    ]
    return [_link(row) for row in await tx.fetch(queries.save_results, json.dumps(rows), attempt)]


async def reopen_attempts(tx: Tx, space: str, connection: str) -> None:
    await tx.execute(queries.reopen_attempts, space, connection)


async def find_linked(
    tx: Tx, space: str, connection: str, remote_ids: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Remote id to the record and the contact that it is linked to."""
    rows = await tx.fetch(queries.find_linked, space, connection, sorted(set(remote_ids)))
    return {row["remote_id"]: (row["record"], row["contact"]) for row in rows}


async def mark_overdue(
    tx: Tx, space: str, connection: str, seconds: float, reason: str
) -> list[Link]:
    rows = await tx.fetch(queries.mark_overdue, space, connection, seconds, reason)
    return [_link(row) for row in rows]


def _link(row: asyncpg.Record) -> Link:
    values = {name: row[name] for name in LINK_COLUMNS}
    return Link(**{**values, "base": json.loads(row["base"])})


LINK_COLUMNS = tuple(Link.__dataclass_fields__)
