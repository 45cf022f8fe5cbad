"""Faults that an operator repairs: a restore, offsets set back, a wiped broker, more partitions."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from kith.faults import quiet, servers
from kith.faults.scene import READERS, Scene
from kith.stack.configuration import SERVICES
from service_kit import assignment, growing, restoring, topics

_PATIENCE_SECONDS = 60.0
_BUSY_TOPICS = ("contacts.interactions.v1", "contacts.changes.v1")
_TABLES = (
    "SELECT t.tablename FROM pg_tables AS t WHERE t.schemaname = $1 AND t.tablename <> 'migrations'"
)


@asynccontextmanager
async def shut_out(scene: Scene, service: str) -> AsyncIterator[None]:
    """Its process is killed, and the next one waits for a database that does not let it in."""
    role, before = scene.stage.role(service), 0
    async with _administrator(scene) as connection:
        await connection.execute(f"ALTER ROLE {role} NOLOGIN")
        try:
            before = scene.stage.signal(service, signal.SIGKILL)
            await servers.terminate_backends(scene.stage.servers.direct_dsn, role)
            yield
        finally:
            await connection.execute(f"ALTER ROLE {role} LOGIN")
    await asyncio.to_thread(scene.stage.await_successor, service, before)


@asynccontextmanager
async def restored(scene: Scene, service: str) -> AsyncIterator[None]:
    """A backup before, and after it the backup put back and `kith restore`."""
    stage = scene.stage
    async with _administrator(scene) as connection:
        await _back_up(connection, service)
        yield
        async with shut_out(scene, service):
            await _put_back(connection, service)
            listed = topics.load(stage.topics_file)
            dsn, bootstrap = stage.servers.direct_dsn, stage.servers.bootstrap
            await restoring.restore(bootstrap, dsn, service, SERVICES, listed)


async def restore(scene: Scene) -> None:
    """More events come between the backup and its return."""
    async with restored(scene, scene.dice.choice(READERS)):
        await scene.wait(1.5, 3)


async def restore_door(scene: Scene) -> None:
    """The same with ingest, once what it had accepted was sent: more than that is not promised."""
    dsn, ledger = scene.stage.servers.direct_dsn, scene.load.ledger
    before = set(ledger.accepted)
    async with restored(scene, "ingest"):
        await scene.wait(1.5, 3)
        await scene.load.stop()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            left = await quiet.unsent(dsn, ("ingest",))
            while left:
                await asyncio.sleep(0.1)
                left = await quiet.unsent(dsn, ("ingest",))
    ledger.forgotten |= set(ledger.accepted) - before
    scene.load.start()


async def set_offsets_ahead(scene: Scene) -> None:
    """To the ends of the logs, past records that were never read: later ones show the gap."""
    service, stage = scene.dice.choice(READERS), scene.stage
    async with shut_out(scene, service):
        await scene.wait(1, 2)
        for topic, group in _read_by(service, topics.load(stage.topics_file)):
            await _commit_ends(stage.servers.bootstrap, group, topic)
    for agent in stage.agents:
        await scene.load.send_one(agent)


async def set_offsets_back(scene: Scene) -> None:
    """All groups of a service read their topics from the beginning."""
    service, stage = scene.dice.choice(READERS), scene.stage
    async with shut_out(scene, service):
        for topic, group in _read_by(service, topics.load(stage.topics_file)):
            place = (group, topic.name, topic.partitions)
            await assignment.prime(stage.servers.bootstrap, *place, anew=True)


async def wipe_broker(scene: Scene) -> None:
    """Everything it had is gone, offsets of groups too; the topics are made again, empty."""
    broker, stage = scene.stage.servers, scene.stage
    await asyncio.to_thread(broker.kill_kafka)
    await asyncio.to_thread(shutil.rmtree, broker.kafka_data)
    await asyncio.to_thread(broker.start_kafka)
    await topics.provision(broker.bootstrap, stage.topics_file)


async def recreate_topic(scene: Scene) -> None:
    """Deleted while all read and write it, and made again, empty."""
    stage, name = scene.stage, scene.dice.choice(_BUSY_TOPICS)
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.servers.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([name])
        async with asyncio.timeout(_PATIENCE_SECONDS):
            there = await admin.list_topics()
            while name in there:
                await asyncio.sleep(0.1)
                there = await admin.list_topics()
    finally:
        await admin.close()
    await scene.wait(0, 2)
    await topics.provision(stage.servers.bootstrap, stage.topics_file)


async def grow(scene: Scene) -> None:
    """One partition more for each topic, under load; then all start again, the door last.

    So that nobody's events wait in an old and in a new partition at once.
    """
    stage = scene.stage
    told = yaml.safe_load(stage.topics_file.read_text("utf-8"))
    told["defaults"]["partitions"] += 1
    stage.topics_file.write_text(yaml.safe_dump(told), "utf-8")
    bootstrap, dsn = stage.servers.bootstrap, stage.servers.direct_dsn
    if not await growing.grow(bootstrap, dsn, stage.topics_file, SERVICES):
        raise TimeoutError("no topic has grown")
    for service in sorted(SERVICES, key=lambda name: name == "ingest"):
        before = stage.signal(service, signal.SIGTERM)
        await asyncio.to_thread(stage.await_successor, service, before)


def _read_by(service: str, listed: topics.Topics) -> Iterator[tuple[topics.Topic, str]]:
    """Topics with positions, and the service's group in each."""
    for topic in listed.all():
        if service in topic.readers and not topic.compacted:
            yield topic, topics.group_of(service, topic.name)


async def _commit_ends(bootstrap: str, group: str, topic: topics.Topic) -> None:
    """As soon as the group has no member any more."""
    places = [TopicPartition(topic.name, p) for p in range(topic.partitions)]
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
            )
            await consumer.start()
            try:
                consumer.assign(places)
                await consumer.commit(dict(await consumer.end_offsets(places)))
                return
            except KafkaError:
                await asyncio.sleep(0.3)
            finally:
                await consumer.stop()


@asynccontextmanager
async def _administrator(scene: Scene) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(scene.stage.servers.direct_dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def _back_up(connection: Any, service: str) -> None:
    """All tables as one moment saw them, and what the run's log had of this slice by then."""
    await connection.execute("DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup")
    async with connection.transaction(isolation="repeatable_read"):
        for row in await connection.fetch(_TABLES, service):
            table = row["tablename"]
            await connection.execute(f"CREATE TABLE backup.{table} AS TABLE {service}.{table}")
        await connection.execute(
            "CREATE TABLE backup.faults_applied AS"
            f" SELECT no, slice, name, transaction FROM faults.applied WHERE slice = '{service}'"
        )


async def _put_back(connection: Any, service: str) -> None:
    tables = [row["tablename"] for row in await connection.fetch(_TABLES, service)]
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no triggers
        await connection.execute("TRUNCATE " + ", ".join(f"{service}.{t}" for t in tables))
        await connection.execute("DELETE FROM faults.applied WHERE slice = $1", service)
        for target, table in (
            *((f"{service}.{t}", t) for t in tables),
            ("faults.applied", "faults_applied"),
        ):
            await connection.execute(
                f"INSERT INTO {target} OVERRIDING SYSTEM VALUE TABLE backup.{table}"
            )
    await connection.execute("DROP SCHEMA backup CASCADE")
