"""Doors and verifier as they run, on a real broker: settings in, events and verdicts out."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contact_schema.adapter_events import AdapterEvent
from contact_schema.settings import SCOPES, AgentSettings, KeySettings, key_digest
from identity_verify.app import make as make_verifier
from identity_verify.settings import Settings as VerifierSettings
from ingest.app import make as make_doors
from ingest.settings import Settings as DoorsSettings
from service_kit import migrate, topics
from service_kit.http import build_app
from service_kit.process import Running
from service_kit.service import Service
from tests.conventions.places import ROOT
from tests.identity_verify.claims import sign
from tests.ingest.arrivals import event, identify, message

TOPICS = ROOT / "deploy" / "topics.yaml"
TOKEN = "a service token of the tests"


class Broker:
    """The broker as strangers and other services use it."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    async def send(self, topic: str, key: str, value: str) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(topic, value.encode(), key.encode())
        finally:
            await producer.stop()

    async def until(
        self, topic: str, space: str, enough: Callable[[list[Any]], bool]
    ) -> list[dict[str, Any]]:
        """The bodies of this space on the topic, with their headers, as soon as they are enough."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            parts = [
                TopicPartition(topic, part) for part in consumer.partitions_for_topic(topic) or ()
            ]
            if not parts:
                parts = [
                    TopicPartition(topic, part)
                    for part in range(topics.load(TOPICS)[topic].partitions)
                ]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            found: list[dict[str, Any]] = []
            async with asyncio.timeout(30):
                while not enough(found):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        for record in records:
                            body = json.loads(record.value)
                            if body.get("space") == space:
                                headers = {name: value.decode() for name, value in record.headers}
                                found.append({**body, "headers": headers})
            return found
        finally:
            await consumer.stop()


async def until_answered(
    ask: Callable[[], Awaitable[httpx.Response]], status: int
) -> httpx.Response:
    """Ask until the answer has this status, as when settings are still on their way."""
    async with asyncio.timeout(60):
        while True:
            answer = await ask()
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.05)


@pytest.fixture
async def broker(kafka: str) -> Broker:
    await topics.provision(kafka, TOPICS)
    return Broker(kafka)


@pytest.fixture
async def services(
    broker: Broker, database: str, secret: str
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Doors and verifier, running."""

    def settings(kind: Any, name: str) -> Any:
        return kind(
            kafka_bootstrap=broker.bootstrap,
            service_postgres_dsn=migrate.service_dsn(database, name, secret),
            secret=secret,
            service_token=TOKEN,
            topics_file=TOPICS,
        )

    async with AsyncExitStack() as stack:

        async def start(service: Service) -> httpx.AsyncClient:
            running = Running(service)
            await running.start()
            stack.push_async_callback(running.stop)
            app = build_app(service, running.runtime)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=f"http://{service.name}")
            )
            await until_answered(lambda: client.get("/readyz"), 200)
            return client

        yield (
            await start(make_doors(settings(DoorsSettings, "ingest"))),
            await start(make_verifier(settings(VerifierSettings, "identity_verify"))),
        )


async def test_an_agent_s_events_and_verdicts_come_out_of_what_went_in(
    broker: Broker, services: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    doors, verifier = services
    word = uuid4().hex[:12]
    space, agent, key = f"space_{word}", f"agent_{word}", f"ak_{word}"
    known = AgentSettings(
        space=space,
        agent=agent,
        workspace="workspace_a",
        name="Shop",
        keys=(
            KeySettings(
                id=f"key_{word}", kind="api", digest=key_digest(key), last4="", scopes=SCOPES
            ),
        ),
    )
    await broker.send(AgentSettings.TOPIC, agent, known.model_dump_json())
    internal = {"Authorization": f"Bearer {TOKEN}"}
    made = await verifier.post("/internal/v1/secrets", json={"agent": agent}, headers=internal)
    now = datetime.now(UTC).isoformat()
    signed = identify("u1", user_hash=sign(made.json()["secret"], "u1"), occurred_at=now)
    forged = identify("u2", session_id="s2", occurred_at=now)

    authorized = {"Authorization": f"Bearer {key}"}
    answer = await until_answered(
        lambda: doors.post("/v1/events", json=[signed, forged], headers=authorized), 202
    )
    assert answer.json()["accepted"] == 2

    for sent in (event("massage"), message("over the broker", occurred_at=now)):
        adapted = AdapterEvent(space=space, agent=agent, key_digest=key_digest(key), event=sent)
        await broker.send(AdapterEvent.TOPIC, space, adapted.model_dump_json())

    accepted = await broker.until("contacts.interactions.v1", space, lambda found: len(found) == 3)
    assert accepted[-1]["detail"]["text"] == "over the broker"
    assert {one["headers"]["producer"] for one in accepted} == {"ingest"}
    verdicts = await broker.until("contacts.identity.v1", space, lambda found: len(found) == 2)
    assert [one["headers"]["type"] for one in verdicts] == ["IdentityVerified", "IdentityRefused"]
    assert [one["record"] for one in verdicts] == [one["record"] for one in accepted[:2]]
    letters = topics.dead_letter_topic(
        AdapterEvent.TOPIC, topics.group_of("ingest", AdapterEvent.TOPIC)
    )
    (letter,) = await broker.until(letters, space, bool)
    assert "unknown-type" in letter["headers"].values()
