"""The API as a back end meets it: the real app on a real database.

What the resolver would answer over Kafka is answered in `settling.py` by the simplest rules; the
resolver itself is tested where it lives, and both together over the running stack.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import httpx
from argon2 import PasswordHasher

from contact_schema.envelope import Message
from contacts_api.app import build
from contacts_api.settings import ContactsApiSettings
from contacts_api.state import State
from service_kit import http, migrate
from service_kit.service import Runtime
from service_kit.testing import written
from tests.contacts_api.settling import Resolver, message_of

TOKEN: Final = "token of the tests"
PASSWORD: Final = "correct horse battery staple"


@dataclass
class Stage:
    """The running app; each test plays on it in a workspace of its own."""

    state: State
    runtime: Runtime
    resolver: Resolver
    transport: httpx.ASGITransport

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(
            transport=self.transport, base_url="http://kith.example", headers=headers
        )

    async def enter(self) -> "Front":
        name = uuid4().hex
        front = Front(self, name, f"ak_{name}{'k' * 11}", f"ak_{name}{'s' * 11}")
        await front.provide()
        return front


@dataclass
class Front:
    """One workspace, a key of its agent, and a key of another workspace."""

    stage: Stage
    name: str
    key: str
    second_key: str
    agent: str = ""
    space: str = ""

    def __post_init__(self) -> None:
        self.state, self.resolver = self.stage.state, self.stage.resolver
        self.client = self.stage.client
        self.api, self.second = self.client(self.key), self.client(self.second_key)
        self.slow_key = f"ak_{self.name}{'l' * 11}"
        self.login = f"{self.name}@example.com"

    async def emitted(self, type_: type[Message]) -> list[Any]:
        """What this workspace's agent sent to others, oldest first."""
        async with self.stage.runtime.pool.acquire() as connection:
            messages = [message_of(one) for one in await written(connection)]
        return [m for m in messages if isinstance(m, type_) and m.space == self.space]

    async def provide(self) -> None:
        all_scopes = {"kind": "api", "scopes": "all"}
        slow = {"key": self.slow_key, "limits": {"api_per_key": 1, "api_burst": 2}}
        shop = {
            "agents": [
                {
                    "name": "Shop assistant", "region": "DE", "grace_days": 0,
                    "keys": [{**all_scopes, "key": self.key}, {**all_scopes, **slow}],
                }
            ],
            "users": [{"login": self.login, "password": PASSWORD, "role": "admin"}],
        }  # fmt: skip
        other = {"agents": [{"name": "Other", "keys": [{**all_scopes, "key": self.second_key}]}]}
        installer = self.client(TOKEN)
        for name, body in ((f"{self.name}-other", other), (self.name, shop)):
            answer = await installer.put(f"/internal/v1/workspaces/{name}", json=body)
            assert answer.status_code == httpx.codes.OK, answer.text
        [made] = answer.json()["agents"]
        self.agent, self.space = made["id"], made["space"]


def settings_for(database: str, secret: str, **changes: Any) -> ContactsApiSettings:
    return ContactsApiSettings(
        **{
            "kafka_bootstrap": "127.0.0.1:1",
            "service_postgres_dsn": migrate.service_dsn(database, "contacts_api", secret),
            "secret": secret,
            "service_token": TOKEN,
            "pool_min_size": 1,
            "pool_max_size": 6,
            "limits_multiplier": 50,
            **changes,
        }
    )


@contextlib.asynccontextmanager
async def open_stage(
    database: str, secret: str, resolving: Callable[[State], Any] = Resolver, **changes: Any
) -> AsyncIterator[Stage]:
    service = build(settings_for(database, secret, **changes))
    state: State = service.state
    # As cheap as the library allows: every test makes a person.
    state.passwords = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    runtime = Runtime(service)
    await runtime.open()
    resolver = resolving(state)
    state.runtime = runtime
    tasks = [
        asyncio.create_task(state.attached()(runtime)),
        asyncio.create_task(resolver.run(runtime)),
    ]
    try:
        transport = httpx.ASGITransport(http.build_app(service, runtime))
        yield Stage(state, runtime, resolver, transport)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await state.neighbours.aclose()
        await runtime.close()


async def create(front: Front, **body: Any) -> dict[str, Any]:
    answer = await front.api.post("/v1/contacts", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The document of a refusal of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    return body
