"""Two copies of the resolver that read one space from different topics at the same moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from contact_schema.envelope import Message
from service_kit import migrate, topics
from service_kit.tx import Tx
from tests.merge_resolver.engine import SPACE, Engine, event, row, told, verified
from tests.service_kit.line import until

TOPICS = topics.load(Path(__file__).parents[2] / "deploy" / "topics.yaml")
FROM_TOPICS: dict[str, Callable[[str], Message]] = {
    "interactions": lambda record: event(record, 1, told("email", "ada@example.com")),
    "identity": lambda record: verified(record, 2, "u1", told("email", "ada@example.com")),
    "commands": lambda record: row(record, 3, told("email", "ada@example.com")),
}


@asynccontextmanager
async def copy(dsn: str) -> AsyncIterator[Engine]:
    """A batch of a copy of its own, committed at the end; nothing is remembered of others."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            tx = Tx(connection, "merge_resolver", TOPICS)
            await tx.name_spaces({SPACE})
            yield Engine(tx)
            await tx.finish()
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("first", "second"),
    [("interactions", "commands"), ("commands", "identity"), ("identity", "interactions")],
)
async def test_neither_misses_the_others_fact(
    database: str, secret: str, first: str, second: str
) -> None:
    dsn = migrate.service_dsn(database, "merge_resolver", secret)
    async with copy(dsn) as engine:  # else the second would wait for a space that is just made
        await engine.handle([event("record_of_before", 0)])
    handled, finish = asyncio.Event(), asyncio.Event()

    async def earlier() -> None:
        async with copy(dsn) as engine:
            await engine.handle([FROM_TOPICS[first]("record_a")])
            handled.set()
            await finish.wait()

    async def later() -> None:
        async with copy(dsn) as engine:
            await engine.handle([FROM_TOPICS[second]("record_b")])

    tasks = [asyncio.create_task(earlier())]
    await handled.wait()
    tasks.append(asyncio.create_task(later()))
    await until(lambda: waits_or_is_done(database, tasks[1]))
    finish.set()
    await asyncio.gather(*tasks)

    rows = await fetch(database, "SELECT record, contact FROM merge_resolver.records")
    contact_of = {one["record"]: one["contact"] for one in rows}
    assert contact_of["record_a"] == contact_of["record_b"] != contact_of["record_of_before"]


async def waits_or_is_done(dsn: str, task: "asyncio.Task[None]") -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1"
    name = dsn.rpartition("/")[2]
    return task.done() or bool(await fetch(dsn, waiting, name))


async def fetch(dsn: str, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        found: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
        return found
    finally:
        await connection.close()
