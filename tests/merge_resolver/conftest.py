"""The handlers, and the door, each as a test needs them."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import httpx
import pytest

from contact_schema.settings import AgentSettings
from merge_resolver.app import make
from merge_resolver.domain import Rules
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from merge_resolver.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Runtime
from service_kit.tx import Tx
from tests.conftest import at as database_at
from tests.merge_resolver.door import TOKEN, Door
from tests.merge_resolver.engine import (
    SPACE,
    Engine,
)


@pytest.fixture
async def engine(tx_of: Callable[[str], Awaitable[Tx]]) -> Engine:
    return Engine(await tx_of("merge_resolver"))


@pytest.fixture(scope="module")
async def opened(postgres: str, migrated: str, secret: str) -> AsyncIterator[Door]:
    name = f"{migrated}_resolver"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    settings = Settings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=migrate.service_dsn(
            database_at(postgres, name), "merge_resolver", secret
        ),
        secret=secret,
        service_token=TOKEN,
        pool_min_size=1,
        pool_max_size=3,
    )
    service = make(settings)
    agent = AgentSettings(space=SPACE, agent="agent_1", workspace="workspace_1", name="Shop")
    service.replicas["settings"].put("agent_1", agent)
    service.replicas["settings"].complete.set()
    runtime = Runtime(service)
    await runtime.open()
    streams = Streams(secret, lambda _: Rules(), KnownRecords(100))
    transport = httpx.ASGITransport(build_app(service, runtime))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://resolver/internal/v1", headers=bearer
        ) as client:
            yield Door(runtime, client, streams)
    finally:
        await runtime.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def door(opened: Door) -> AsyncIterator[Door]:
    yield opened
    async with opened.runtime.transaction() as tx:
        for table in (
            "facts",
            "records",
            "identifiers",
            "contacts",
            "merges",
            "settled",
            "holds",
            "decisions",
        ):
            await tx.connection.execute(f"DELETE FROM merge_resolver.{table}")
    opened.streams.known.forget()
