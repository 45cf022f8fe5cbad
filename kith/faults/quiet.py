"""Whether anything is under way: unread records, unsent rows, services that are not ready.

Nothing is taken for quiet because a question failed: a question without an answer is a reason.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from kith.faults.calls import client
from kith.stack.configuration import SERVICES
from service_kit import topics

_LOOK_AGAIN_SECONDS = 0.2
_ANSWER_SECONDS = 20.0


class NeverQuiet(Exception):
    """Something was still under way when the patience ended; the message names it."""


async def until_quiet(
    dsn: str, bootstrap: str, urls: Mapping[str, str], topics_file: Path, patience: float
) -> None:
    """Two looks in a row that find nothing under way. Raises NeverQuiet."""
    deadline, looks = time.monotonic() + patience, 0
    while looks < 2:
        reasons = await under_way(dsn, bootstrap, urls, topics_file)
        looks = 0 if reasons else looks + 1
        if reasons and time.monotonic() > deadline:
            raise NeverQuiet("; ".join(reasons[:6]))
        await asyncio.sleep(_LOOK_AGAIN_SECONDS if reasons else 0.05)


async def under_way(
    dsn: str, bootstrap: str, urls: Mapping[str, str], topics_file: Path
) -> list[str]:
    """Reasons, cheapest question first."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return (
                await unready(urls)
                or await unsent(dsn)
                or await _unread(bootstrap, topics.load(topics_file))
            )
    except (OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        return [f"no answer: {type(e).__name__}"]


async def unready(urls: Mapping[str, str]) -> list[str]:
    """Services that are not ready, or that wait or miss something."""
    reasons = []
    async with client(timeout=3) as caller:
        for service, url in urls.items():
            try:
                report = (await caller.get(f"{url}/readyz")).json()
                told = [*report["reasons"], *report["notes"]]
            except (httpx.HTTPError, ValueError, KeyError) as error:
                told = [type(error).__name__]
            reasons += [f"{service}: {one}" for one in told]
    return reasons


async def unsent(dsn: str, services: Iterable[str] = SERVICES) -> list[str]:
    """Services whose outbox holds what its relay has not sent."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        reasons = []
        for service in services:
            await connection.execute("SELECT set_config('search_path', $1, false)", service)
            left = await connection.fetchval(
                "SELECT h.last_seq - m.last_seq FROM outbox_head AS h, relay_mark AS m"
            )
            if left:
                reasons.append(f"{service} has {left} messages to send")
        return reasons
    finally:
        await connection.close(timeout=5)


async def _unread(bootstrap: str, listed: topics.Topics) -> list[str]:
    groups = {
        topics.group_of(reader, topic.name): topic
        for topic in listed.all()
        if not topic.compacted
        for reader in topic.readers
    }
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=8_000)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        wanted = {
            TopicPartition(topic.name, p)
            for topic in groups.values()
            for p in range(topic.partitions)
        }
        ends = await consumer.end_offsets(list(wanted))
        reasons = []
        told = await asyncio.gather(*map(admin.list_consumer_group_offsets, groups))
        for (group, topic), committed in zip(groups.items(), told, strict=True):
            left = 0
            for p in range(topic.partitions):
                place = TopicPartition(topic.name, p)
                at = committed.get(place)
                left += ends[place] - max(0, at.offset if at is not None else 0)
            if left:
                reasons.append(f"{group} has {left} records to read")
        return reasons
    finally:
        await consumer.stop()
        await admin.close()
