"""Connections, with their credentials sealed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import asyncpg

from crm_sync.domain.links import Connection, ConnectionState
from crm_sync.store.sql import queries
from service_kit.tx import Tx


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as it stands; ``sealed`` are its credentials, unreadable."""

    space: str
    connection: str
    agent: str
    kind: Literal["hubspot"]
    label: str
    base_url: str
    state: ConnectionState
    reason: str | None
    account: str | None
    page_url: str | None
    time_zone: str | None
    paused_until: datetime | None
    planned_after: str | None
    created_at: datetime
    changed_at: datetime
    field_map: Mapping[str, str]
    sealed: bytes | None = field(repr=False)

    def plan(self) -> Connection:
        return Connection(self.space, self.connection, self.kind, self.field_map, self.page_url)


async def insert_connection(tx: Tx, values: Mapping[str, Any], sealed: bytes) -> bool:
    """False when one of that kind and label stands already."""
    return await tx.fetchval(queries.insert_connection, json.dumps(values), sealed) is not None


async def find_connection_by_label(tx: Tx, space: str, kind: str, label: str) -> str | None:
    found: str | None = await tx.fetchval(queries.find_connection_by_label, space, kind, label)
    return found


async def get_connection(tx: Tx, space: str, connection: str) -> ConnectionRow | None:
    row = await tx.fetchrow(queries.get_connection, space, connection)
    return None if row is None else _connection(row)


async def list_connections(tx: Tx, spaces: Iterable[str]) -> list[ConnectionRow]:
    rows = await tx.fetch(queries.list_connections, sorted(set(spaces)))
    return [_connection(row) for row in rows]


async def list_sending_connections(tx: Tx) -> list[tuple[str, str]]:
    rows = await tx.fetch(queries.list_sending_connections)
    return [(row["space"], row["connection"]) for row in rows]


async def update_connection(tx: Tx, values: Mapping[str, Any], sealed: bytes | None) -> None:
    await tx.execute(queries.update_connection, json.dumps(values), sealed)


async def mark_connection(
    tx: Tx,
    row: ConnectionRow,
    state: ConnectionState,
    reason: str | None,
    wait: float | None,
    learnt: Mapping[str, str] | None = None,
) -> bool:
    """False when it was paused or removed in the meantime."""
    marked = await tx.fetchval(
        queries.mark_connection,
        row.space,
        row.connection,
        state,
        reason,
        wait,
        json.dumps(dict(learnt or {})),
    )
    return marked is not None


async def mark_planned(tx: Tx, space: str, connection: str, after: str | None) -> None:
    await tx.execute(queries.mark_planned, space, connection, after)


async def mark_connection_off(tx: Tx, space: str, connection: str, reason: str) -> bool:
    marked = await tx.fetchval(queries.mark_connection_off, space, connection, reason)
    return marked is not None


def _connection(row: asyncpg.Record) -> ConnectionRow:
    return ConnectionRow(**{**row, "field_map": json.loads(row["field_map"])})
