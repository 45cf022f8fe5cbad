from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from service_kit import migrate
from service_kit.process import Running
from tests.conftest import at
from tests.service_kit.line import Line, make_line

Start = Callable[[Running], Awaitable[Running]]


@pytest.fixture(scope="session")
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """One database for all lines: each has schemas and roles of its own names."""
    name = f"kith_kit_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"CREATE DATABASE {name}")
    roles: list[str] = []
    try:
        yield at(postgres, name)
        inside = await asyncpg.connect(at(postgres, name))
        schemas = await inside.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(wri|rea)'"
        )
        roles = [migrate.role_of(row["nspname"]) for row in schemas]
        await inside.close()
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in roles:
            await connection.execute(f"DROP ROLE {role}")
        await connection.close()


@pytest.fixture
async def line(kafka: str, empty_database: str, tmp_path: Path) -> Line:
    return await make_line(kafka, empty_database, tmp_path)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start what moves a service; everything is stopped in order at the end."""
    async with AsyncExitStack() as stack:

        async def begin(running: Running) -> Running:
            await running.start()
            stack.push_async_callback(running.stop)
            return running

        yield begin
