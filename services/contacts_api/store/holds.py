"""What is held back from CRM and webhooks."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from contacts_api.store.statements import columns, queries
from service_kit.tx import Tx


async def upsert_holds(tx: Tx, rows: Iterable[tuple[str, str, str, int, datetime]]) -> None:
    await tx.execute(queries.upsert_holds, *columns(rows, 5))


async def mark_released(tx: Tx, rows: Iterable[tuple[str, str, datetime]]) -> None:
    await tx.execute(queries.mark_released, *columns(rows, 3))


async def list_holds(tx: Tx, space: str) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_holds, space)
