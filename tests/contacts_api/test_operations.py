"""Lag and dead letters as the API tells them: one neighbour answers, the others do not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from service_kit import http, migrate
from service_kit.service import Runtime, Service
from service_kit.settings import KitSettings
from service_kit.testing import opened, received, written
from tests.conftest import at
from tests.contacts_api.front import TOKEN, Front, Stage, open_stage, problem
from tests.contacts_api.messages import event

RESOLVER = "http://merge-resolver.example"


@dataclass
class Ops:
    front: Front
    resolver: Runtime

    async def look(self) -> None:
        await self.front.state.watch.look(self.front.state, self.front.stage.runtime)

    async def give_up(self, count: int = 1) -> None:
        """The resolver refuses messages, as a handler does."""
        async with self.resolver.transaction(group="merge-resolver.interactions") as tx:
            for number in range(count):
                message = event(f"r-{uuid4().hex}-{number}")
                tx.reject(received(message), "not-today")

    async def letters(self) -> list[dict[str, Any]]:
        answer = await self.front.api.get("/v1/ops/dead-letters")
        assert answer.is_success, answer.text
        return list(answer.json()["data"])

    async def redrive(self, letter: str) -> httpx.Response:
        return await self.front.api.post(f"/v1/ops/dead-letters/{letter}/redrive")


@pytest.fixture(scope="module")
async def with_resolver(
    postgres: str, migrated: str, secret: str
) -> AsyncIterator[tuple[Stage, Runtime]]:
    name = f"{migrated}_ops"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    settings = KitSettings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=SecretStr(
            migrate.service_dsn(at(postgres, name), "merge_resolver", secret)
        ),
        secret=SecretStr(secret),
        service_token=SecretStr(TOKEN),
        pool_min_size=1,
    )
    neighbour = Service("merge_resolver", settings)
    try:
        async with (
            opened(neighbour) as runtime,
            open_stage(at(postgres, name), secret, merge_resolver_url=RESOLVER) as stage,
        ):
            door = httpx.ASGITransport(http.build_app(neighbour, runtime))
            stage.state.neighbours = httpx.AsyncClient(mounts={RESOLVER: door})
            yield stage, runtime
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def ops(with_resolver: tuple[Stage, Runtime]) -> Ops:
    stage, resolver = with_resolver
    stage.state.watch.rounds.clear()
    async with resolver.pool.acquire() as connection:
        await connection.execute("DELETE FROM dead_letters")
    return Ops(await stage.enter(), resolver)


async def test_a_service_that_does_not_answer_is_listed_with_the_reason(ops: Ops) -> None:
    await ops.look()
    told = (await ops.front.api.get("/v1/ops/lag")).json()
    rows = {row["service"]: row for row in told["services"]}
    assert set(rows) == {
        "ingest", "identity_verify", "merge_resolver", "crm_sync", "gdpr_purge", "contacts_api",
    }  # fmt: skip
    assert (rows["ingest"]["ready"], rows["ingest"]["reasons"]) == (
        False,
        ["its address is not set"],
    )
    # Both answer and say that nobody has started their streams.
    for name in ("merge_resolver", "contacts_api"):
        assert rows[name]["reasons"] == ["starting"]
        assert set(rows[name]["outbox"]) == {"rows", "oldest_seconds"}
    assert told["probe_ms"] is None


async def test_before_the_first_look_nothing_is_called_well(ops: Ops) -> None:
    assert (await ops.front.api.get("/v1/ops/lag")).json()["services"] == []


async def test_lag_is_told_to_every_key_that_reads_and_dead_letters_to_fewer(ops: Ops) -> None:
    keys = f"/v1/agents/{ops.front.agent}/keys"
    body = {"kind": "api", "scopes": ["contacts:read"]}
    reader = ops.front.client((await ops.front.api.post(keys, json=body)).json()["key"])
    assert (await reader.get("/v1/ops/lag")).is_success
    problem(await reader.get("/v1/ops/dead-letters"), 403, "missing-scope")
    problem(await reader.post("/v1/ops/dead-letters/x-1/redrive"), 403, "missing-scope")
    problem(await ops.front.client().get("/v1/ops/lag"), 401, "unauthenticated")


async def test_dead_letters_are_listed_without_what_they_say(ops: Ops) -> None:
    await ops.give_up()
    [letter] = await ops.letters()
    assert letter["service"] == "merge_resolver"
    assert letter["group"] == "merge-resolver.interactions"
    assert (letter["slug"], letter["redriven_at"]) == ("not-today", None)
    assert not {"body", "headers", "key"}.intersection(letter)
    answer = (await ops.front.api.get("/v1/ops/dead-letters")).json()
    assert answer["unavailable"] == ["ingest", "identity_verify", "crm_sync", "gdpr_purge"]


async def test_a_dead_letter_is_sent_again_once_and_the_audit_says_by_whom(ops: Ops) -> None:
    await ops.give_up()
    [letter] = await ops.letters()
    first, second = await ops.redrive(letter["id"]), await ops.redrive(letter["id"])
    assert first.json() == {"id": letter["id"], "redriven": True}
    assert second.json() == {"id": letter["id"], "redriven": False}
    assert [one["redriven_at"] is None for one in await ops.letters()] == [False]
    async with ops.resolver.pool.acquire() as connection:
        sent = await written(connection, topic="contacts.interactions.v1")
    assert [message.headers["group"] for message in sent] == ["merge-resolver.interactions"]
    entries = (await ops.front.api.get("/v1/audit?action=dead_letter.redriven")).json()["data"]
    assert {entry["detail"]["dead_letter"] for entry in entries} == {letter["id"]}


async def test_only_what_is_there_can_be_sent_again(ops: Ops) -> None:
    for letter in ("merge_resolver-abc", "nobody-abc", "abc", "merge_resolver-..%2Fx"):
        problem(await ops.redrive(letter), 404, "not-found")
    problem(await ops.redrive("ingest-abc"), 503, "unavailable")


async def test_the_poller_goes_on_and_keeps_no_more_than_fifteen_minutes(ops: Ops) -> None:
    for _ in range(8):
        await ops.look()
    rounds = ops.front.state.watch.rounds
    assert len(rounds) == 8
    assert rounds.maxlen == 180
    told = (await ops.front.api.get("/v1/ops/lag")).json()
    assert told["services"][0]["word"] != "ok"
