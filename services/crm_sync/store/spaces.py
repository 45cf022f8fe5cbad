"""The lock between changes and erasures, and the clock."""

from collections.abc import Iterable
from datetime import datetime

from crm_sync.store.sql import queries
from service_kit.tx import Tx


async def share_spaces(tx: Tx, spaces: Iterable[str]) -> None:
    await tx.execute(queries.share_spaces, sorted(set(spaces)))


async def lock_spaces(tx: Tx, spaces: Iterable[str]) -> None:
    await tx.execute(queries.lock_spaces, sorted(set(spaces)))


async def get_now(tx: Tx) -> datetime:
    now: datetime = await tx.fetchval(queries.get_now)
    return now
