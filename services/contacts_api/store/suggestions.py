"""Contacts that may be one person, and what was said of them."""

from datetime import datetime

import asyncpg

from contacts_api.domain.sort_keys import BLANK
from contacts_api.store.statements import queries
from service_kit.tx import Tx


async def list_alike(tx: Tx, space: str, contact: str) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_alike, space, contact, BLANK)


async def list_dismissed(tx: Tx, space: str, contact: str) -> set[str]:
    rows = await tx.fetch(queries.list_dismissed, space, contact)
    return {row["contact"] for row in rows}


async def insert_dismissal(
    tx: Tx, space: str, pair: tuple[str, str], by: str, at: datetime
) -> None:
    await tx.execute(queries.insert_dismissal, space, *sorted(pair), by, at)
