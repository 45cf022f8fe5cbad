"""More partitions for topics that are in use: deploy/topics.yaml says how many."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import for_code

from service_kit import topics
from service_kit.queries import QUERIES
from service_kit.topics import Topic, TopicsDiffer


class NotDrained(Exception):
    """A reader did not reach the end of a topic in time; nothing was changed."""


async def grow(
    bootstrap: str, admin_dsn: str, file: Path, services: Collection[str], patience: float = 60
) -> list[str]:
    """Names of the topics that have more partitions now.

    Relays stand still meanwhile, so that what is in the old partitions is applied before anything
    comes into a new one; readers must be running. A new partition's watermarks begin at what each
    producer has sent: so its first message cannot be missed unnoticed, and no refill is applied
    twice. Raises NotDrained, or TopicsDiffer for a topic that is to shrink.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=15_000)
    await admin.start()
    try:
        counted = await _growing(admin, topics.load(file).all())
        growing = [topic for topic, _ in counted]
        if not growing:
            return []
        writers = {w for t in growing for route in t.messages.values() for w in route.writers}
        async with _relays_held(admin_dsn, sorted(writers & set(services))) as sent:
            async with asyncio.timeout(patience):
                await _drain(admin, bootstrap, counted)
            for topic, count in counted:
                await _set_watermarks(admin_dsn, topic, count, services, sent)
            await _add(admin, growing)
    except TimeoutError:
        raise NotDrained(f"readers are not at the end after {patience:.0f} s") from None
    finally:
        await admin.close()
    return [topic.name for topic in growing]


async def _growing(admin: Any, wanted: Sequence[Topic]) -> list[tuple[Topic, int]]:
    """And how many partitions each of them has."""
    described = await admin.describe_topics([topic.name for topic in wanted])
    counts = {d["topic"]: len(d["partitions"]) for d in described if not d["error_code"]}
    for topic in wanted:
        if topic.name not in counts:
            raise TopicsDiffer(f"{topic.name} is missing")
        if topic.partitions < counts[topic.name]:
            raise TopicsDiffer(f"{topic.name} has {counts[topic.name]} partitions: none can go")
    return [(t, counts[t.name]) for t in wanted if t.partitions > counts[t.name]]


@asynccontextmanager
async def _relays_held(admin_dsn: str, writers: Sequence[str]) -> AsyncIterator[dict[str, int]]:
    """Hold the lock of each writer's relay; how far each has sent."""
    async with _connected(admin_dsn, writers) as connections:
        sent = {}
        for writer, connection in connections.items():
            while not await connection.fetchval(QUERIES.try_relay_lock.text):
                await connection.fetch(QUERIES.end_relay.text)
                await asyncio.sleep(0.02)
            state = await connection.fetchrow(QUERIES.get_relay_state.text)
            sent[writer] = state["mark"]
        yield sent


@asynccontextmanager
async def _connected(admin_dsn: str, schemas: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    connections: dict[str, Any] = {}
    try:
        for schema in schemas:
            connections[schema] = await asyncpg.connect(
                admin_dsn, server_settings={"search_path": schema}
            )
        yield connections
    finally:
        for connection in connections.values():
            await connection.close()


async def _drain(admin: Any, bootstrap: str, counted: Sequence[tuple[Topic, int]]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        for topic, count in counted:
            places = [TopicPartition(topic.name, p) for p in range(count)]
            for reader in topic.readers:
                await _until_at_end(admin, consumer, topics.group_of(reader, topic.name), places)
    finally:
        await consumer.stop()


async def _until_at_end(
    admin: Any, consumer: Any, group: str, places: Sequence[TopicPartition]
) -> None:
    unread = set(places)
    while unread:
        committed = await admin.list_consumer_group_offsets(group)
        ends = await consumer.end_offsets(places)
        at = {p: committed[p].offset for p in places if p in committed}
        unread = {p for p in places if at.get(p, 0) < ends[p]}
        await asyncio.sleep(0.1 if unread else 0)


async def _set_watermarks(
    admin_dsn: str, topic: Topic, before: int, services: Collection[str], sent: dict[str, int]
) -> None:
    readers = [reader for reader in topic.readers if reader in services]
    async with _connected(admin_dsn, readers) as connections:
        for connection in connections.values():
            await connection.execute(
                QUERIES.begin_watermarks.text,
                topic.name,
                before,
                topic.partitions - 1,
                list(sent),
                list(sent.values()),
            )


async def _add(admin: Any, growing: Sequence[Topic]) -> None:
    wanted = {topic.name: NewPartitions(topic.partitions) for topic in growing}
    answer = await admin.create_partitions(wanted)
    for name, code, *_ in answer.topic_errors:
        if code:
            raise TopicsDiffer(f"{name}: {for_code(code).__name__}")
    await topics.await_partitions(admin, growing, growing=True)
