"""The service on its own database and a HubSpot stand-in on loopback; only Kafka is left out."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from contact_schema.changes import (
    Audience,
    ContactChanged,
    ContactRecord,
    CrmStateChanged,
    Snapshot,
)
from contact_schema.envelope import Message
from contact_schema.erasure import EraseRecords, FenceRecords
from contact_schema.messages import BY_TYPE
from crm_sync import handlers
from crm_sync.app import build
from crm_sync.domain.links import Link
from crm_sync.eraser import run_eraser
from crm_sync.senders import run_senders
from crm_sync.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Handler, Runtime
from service_kit.testing import received, written
from tests.standins.conftest import Running
from tests.standins.conftest import hubspot as running_hubspot

hubspot = running_hubspot

SPACE = "space_test"
PATIENCE = 15.0
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


@dataclass
class World:
    runtime: Runtime
    settings: Settings
    hubspot: Running
    app: FastAPI
    _after: int = 0
    told: list[Message] = field(default_factory=list)
    suppressed: int = 0

    async def receive(self, *messages: Message) -> None:
        """One batch, committed, as the kit would do it."""
        batch = [received(message) for message in messages]
        settling = self.settings.crm_sync_settling_seconds
        by_topic: dict[str, Handler] = {
            "contacts.changes.v1": partial(handlers.on_changes, settling=settling),
            "contacts.commands.v1": partial(handlers.on_commands, settling=settling),
            "contacts.erasure.v1": handlers.on_erasure,
        }
        async with self.runtime.transaction({m.space for m in messages}) as tx:
            await by_topic[messages[0].TOPIC](batch, tx)
            self.suppressed = len(tx.suppressed)

    async def connect(self, **more: Any) -> str:
        body = {
            "space": SPACE,
            "agent": "agent_1",
            "kind": "hubspot",
            "label": "Sales",
            "base_url": self.hubspot.url,
            "credentials": {"access_token": "pat-test"},
            **more,
        }
        answer = await self.call("POST", "", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def call(self, method: str, path: str, **more: Any) -> Any:
        token = self.settings.service_token.get_secret_value()
        async with AsyncClient(
            transport=ASGITransport(self.app),
            base_url="http://crm.test",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            return await client.request(method, f"/internal/v1/connections{path}", **more)

    async def hear(self) -> list[Message]:
        """Everything that was told so far, out of the outbox."""
        async with self.runtime.pool.acquire() as connection:
            new = await written(connection, after=self._after)
        for packed in new:
            self._after = packed.sequence
            self.told.append(BY_TYPE[packed.headers["type"]].model_validate_json(packed.body))
        return self.told

    async def state_of(self, contact: str) -> CrmStateChanged | None:
        states = [
            message
            for message in await self.hear()
            if isinstance(message, CrmStateChanged) and message.contact == contact
        ]
        return states[-1] if states else None

    async def until_state(self, contact: str, state: str, code: str | None = None) -> Any:
        async def reached() -> Any:
            found = await self.state_of(contact)
            fits = found is not None and (found.state, found.reason_code) == (state, code)
            return found if fits else None

        return await until(reached, lambda: f"{contact}: {list(self.told)}")

    def remote(self) -> list[dict[str, str]]:
        """The properties of every record that the stand-in has."""
        contacts = self.hubspot.standin.portal.contacts.values()
        return [dict(c.properties) for c in contacts if not c.archived]

    def of_key(self, key: str) -> dict[str, str]:
        [found] = [row for row in self.remote() if row.get("kith_contact_id") == key]
        return found

    async def until_written(self, remote_id: str, name: str, value: str) -> None:
        async def written() -> bool:
            contact = self.hubspot.standin.portal.contacts[remote_id]
            return contact.properties.get(name) == value

        await until(written)

    async def control(self, **order: Any) -> None:
        """Tell the stand-in how to misbehave."""
        async with AsyncClient() as client:
            answer = await client.post(f"{self.hubspot.url}/_control", json=order)
            answer.raise_for_status()

    def calls(self, part: str) -> list[dict[str, Any]]:
        return [call for call in self.hubspot.standin.calls if part in call["path"]]


async def until(
    condition: Callable[[], Awaitable[Any]], story: Callable[[], str] = lambda: "not reached"
) -> Any:
    """The first true answer; fails after some patience."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := await condition():
            return found
        await asyncio.sleep(0.03)
    raise AssertionError(story())


@pytest.fixture
async def quiet(database: str, secret: str, hubspot: Running) -> AsyncIterator[World]:
    """The service with nothing running in the background."""
    dsn = migrate.service_dsn(database, "crm_sync", secret)
    settings = Settings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=SecretStr(dsn),
        secret=SecretStr(secret),
        service_token=SecretStr("a service token"),
        crm_sync_settling_seconds=0.05,
        crm_sync_poll_seconds=0.03,
        crm_sync_timeout_seconds=1,
        crm_sync_calls=1_000,
        allow_loopback_targets=True,
    )
    service = build(settings)
    runtime = Runtime(service)
    await runtime.open()
    try:
        yield World(runtime, settings, hubspot, build_app(service, runtime))
    finally:
        await runtime.close()


@pytest.fixture
async def world(quiet: World) -> AsyncIterator[World]:
    """With its senders and its eraser at work."""
    async with at_work(quiet):
        yield quiet


@contextlib.asynccontextmanager
async def at_work(world: World) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(run_senders(world.runtime, settings=world.settings)),
        asyncio.create_task(run_eraser(world.runtime, settings=world.settings)),
    ]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def link(**more: Any) -> Link:
    return Link(
        **{
            "space": SPACE,
            "connection": "crm_1",
            "record": "contact_a",
            "contact": "contact_a",
            "version": 1,
            "state": "pending",
            **more,
        }
    )


def changed(
    contact: str,
    email: str | None = None,
    kind: Any = "lead",
    joined: tuple[str, ...] = (),
    left: tuple[str, ...] = (),
    **more: Any,
) -> ContactChanged:
    snapshot = Snapshot(
        contact=contact,
        kind=kind,
        email=email,
        audience=Audience(value="public", source="default"),
        created_at=NOW,
        **more,
    )
    records = tuple(ContactRecord(record=record, unit=f"unit_{record}") for record in joined)
    return ContactChanged(space=SPACE, snapshot=snapshot, joined=records, left=left)


def fence(*records: str) -> FenceRecords:
    return FenceRecords(
        space=SPACE, erasure="erasure_1", records=records, mode="erase", fenced_at=NOW, ledger_no=1
    )


def erase(*records: str) -> EraseRecords:
    return EraseRecords(space=SPACE, erasure="erasure_1", records=records, ids=records, ledger_no=2)
