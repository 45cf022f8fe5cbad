"""Orders on their way, and the answers kept for a repeated Idempotency-Key."""

from collections.abc import Iterable, Sequence

import asyncpg

from contacts_api.domain.contact_rows import Row
from contacts_api.store.statements import as_json, queries
from service_kit.tx import Tx


async def insert_commands(
    tx: Tx, space: str, commands: Sequence[str], kind: str, actor: str
) -> None:
    await tx.execute(queries.insert_commands, space, commands, kind, actor)


async def mark_settled(tx: Tx, rows: Iterable[Row]) -> list[str]:
    """Those that were ordered here."""
    settled = await tx.fetch(queries.mark_settled, as_json(rows))
    return [row["command"] for row in settled]


async def find_settled(tx: Tx, commands: Sequence[str]) -> list[str]:
    return [row["command"] for row in await tx.fetch(queries.find_settled, commands)]


async def list_commands(tx: Tx, space: str, commands: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_commands, space, commands)


async def delete_old_commands(tx: Tx) -> None:
    await tx.execute(queries.delete_old_commands)


async def claim_answer(tx: Tx, caller: tuple[str, str], once: str, digest: str) -> bool:
    """Whether this call is the one that runs. ``caller``: space and id."""
    return await tx.fetchval(queries.claim_answer, *caller, once, digest) is not None


async def find_answer(tx: Tx, caller: tuple[str, str], once: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_answer, *caller, once)


async def keep_answer(
    tx: Tx,
    caller: tuple[str, str],
    once: str,
    answer: tuple[int, str | None, str],
    contacts: Sequence[str],
) -> None:
    """``answer``: status, location, body."""
    await tx.execute(queries.keep_answer, *caller, once, *answer, contacts)


async def forget_answer(tx: Tx, caller: tuple[str, str], once: str) -> None:
    await tx.execute(queries.forget_answer, *caller, once)


async def delete_old_answers(tx: Tx) -> None:
    await tx.execute(queries.delete_old_answers)
