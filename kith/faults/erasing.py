"""A person is erased while a service is killed: nothing of him may be left, or come back."""

import asyncio
import re
import signal
from functools import partial

import asyncpg
import httpx

from kith.faults import backups, quiet
from kith.faults.calls import client
from kith.faults.load import Agent, Person
from kith.faults.scene import READERS, Scene
from kith.faults.seen import until_seen
from kith.stack.configuration import SERVICES
from service_kit import personal_data

_PATIENCE_SECONDS = 120.0
_LATE_EVENTS = 2
_EXPIRING = {column.table for column in personal_data.COLUMNS if column.on_erase == "expires"}


async def erase_while_killed(scene: Scene) -> None:
    agent = scene.dice.choice(scene.stage.agents)
    person = await _known_person(scene, agent)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        contact = await until_seen(scene.stage.urls["contacts_api"], agent, person.name)
    erasure = await _ask(scene, agent, contact)
    await scene.wait(0, 0.6)
    for service in scene.dice.sample(SERVICES, 2):
        before = scene.stage.signal(service, signal.SIGKILL)
        await asyncio.to_thread(scene.stage.await_successor, service, before)
    scene.checks.append(partial(_left_over, scene, agent, person, erasure))


async def restore_before_it(scene: Scene) -> None:
    """He was erased; then a schema comes back as it was before."""
    agent = scene.dice.choice(scene.stage.agents)
    person = await _known_person(scene, agent)
    contact = await until_seen(scene.stage.urls["contacts_api"], agent, person.name)
    async with backups.restored(scene, scene.dice.choice(READERS)):
        erasure = await _ask(scene, agent, contact)
        await _until_erased(scene, agent, erasure)
    scene.checks.append(partial(_left_over, scene, agent, person, erasure))


async def _known_person(scene: Scene, agent: Agent) -> Person:
    """Nothing of him is expected any more."""
    person = Person.nobody_knew()
    await scene.load.send(agent, [person.says(agent) for _ in range(3)])
    scene.load.ledger.erase(person.name)
    return person


async def _ask(scene: Scene, agent: Agent, contact: str) -> str:
    async with _api(scene, agent) as caller, asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            answer = await caller.delete(f"/v1/contacts/{contact}")
            if answer.status_code == 202:
                return str(answer.json()["id"])
            if answer.status_code < 500:
                raise AssertionError(f"an erasure was answered {answer.status_code}")
            await asyncio.sleep(0.2)


async def _until_erased(scene: Scene, agent: Agent, erasure: str) -> None:
    async with _api(scene, agent) as caller, asyncio.timeout(_PATIENCE_SECONDS):
        state = ""
        while state != "erased":
            await asyncio.sleep(0.1)
            answer = await caller.get(f"/v1/erasures/{erasure}")
            state = answer.json()["state"] if answer.is_success else ""


async def _left_over(scene: Scene, agent: Agent, person: Person, erasure: str) -> list[str]:
    """The erasure ends; what comes of him later is suppressed; no table knows his words."""
    await _until_erased(scene, agent, erasure)
    before = await _suppressed(scene)
    for _ in range(_LATE_EVENTS):
        await scene.load.send(agent, [person.says(agent)])
    scene.load.ledger.erase(person.name)
    stage = scene.stage
    await quiet.until_quiet(
        stage.servers.direct_dsn,
        stage.urls,
        stage.topics_file,
        _PATIENCE_SECONDS,
    )
    counted = await _suppressed(scene) - before
    wrong = []
    if counted != _LATE_EVENTS:
        wrong.append(f"{counted} of {_LATE_EVENTS} events of an erased person were suppressed")
    return wrong + await _found(stage.servers.direct_dsn, person.name)


def _api(scene: Scene, agent: Agent) -> httpx.AsyncClient:
    return client(scene.stage.urls["contacts_api"], agent.key, timeout=10)


async def _suppressed(scene: Scene) -> int:
    """At the door, which knows by then that he is erased."""
    async with client(timeout=10) as caller:
        page = (await caller.get(f"{scene.stage.urls['ingest']}/metrics")).raise_for_status()
    lines = re.findall(r"^kith_messages_suppressed_total\{.*\} (\S+)$", page.text, re.M)
    return round(sum(map(float, lines)))


async def _found(dsn: str, word: str) -> list[str]:
    """Tables that hold it, but for copies in transit, which expire."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT t.schemaname, t.tablename FROM pg_tables AS t WHERE t.schemaname = ANY ($1)",
            SERVICES,
        )
        places = [
            f"{t['schemaname']}.{t['tablename']}" for t in tables if t["tablename"] not in _EXPIRING
        ]
        return [
            f"{place} still knows an erased person"
            for place in places
            if await connection.fetchval(
                f"SELECT EXISTS (SELECT FROM {place} AS t WHERE t::text LIKE $1)", f"%{word}%"
            )
        ]
    finally:
        await connection.close()
