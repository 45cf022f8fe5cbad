"""The service's HTTP doors on a database of the test's own, without a broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from ingest.app import make
from ingest.doors import Doors
from ingest.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Runtime
from service_kit.testing import written
from tests.ingest.arrivals import AGENT, API_KEY, agent


@dataclass(frozen=True)
class Asked:
    """The doors as an outsider reaches them, and what they wrote."""

    http: httpx.AsyncClient
    runtime: Runtime

    async def post(self, body: Any, key: str = API_KEY, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post("/v1/events", headers=headers, **content, **more)

    async def widget(self, key: str, body: Any, **headers: str) -> httpx.Response:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        path = f"/v1/widget/{key}/events"
        return await self.http.post(path, headers=headers, **content)

    async def told(self) -> list[dict[str, Any]]:
        """The messages in the outbox, each with its type."""
        async with self.runtime.pool.acquire() as connection:
            messages = await written(connection)
        return [{"type": m.headers["type"], **orjson.loads(m.body)} for m in messages]


@pytest.fixture
async def doors(database: str, secret: str) -> AsyncIterator[Asked]:
    settings = Settings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=migrate.service_dsn(database, "ingest", secret),
        secret=secret,
        service_token="a service token of the tests",
    )
    service = make(settings)
    service.replicas["settings"].put(AGENT, agent())
    service.replicas["settings"].complete.set()
    runtime = Runtime(service)
    await runtime.open()
    assert isinstance(service.state, Doors)
    accepting = asyncio.create_task(service.state.acceptor.run(runtime))
    transport = httpx.ASGITransport(build_app(service, runtime), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:
        yield Asked(http, runtime)
    accepting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await accepting
    await runtime.close()
