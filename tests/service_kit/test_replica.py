"""A compacted topic in memory: complete before it is used, the newest value of each key."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer

from service_kit.replica import Replica
from service_kit.topics import Topic, Topics
from tests.service_kit.line import Line, until
from tests.service_kit.names import Noted

BODY = b'{"space": "s", "number": %d}'


@pytest.fixture
async def replica(line: Line) -> AsyncIterator[Replica[Noted]]:
    listed = Topics([Topic(line.noted.TOPIC, 1, {}, {})])
    made: Replica[Noted] = Replica(line.noted)
    await send(line, (b"a", BODY % 1), (b"b", BODY % 2), (b"a", BODY % 3))
    following = asyncio.create_task(made.follow(line.kafka, listed))
    yield made
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def send(line: Line, *records: tuple[bytes, bytes | None]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=line.kafka, acks="all")
    await producer.start()
    try:
        for key, value in records:
            await producer.send_and_wait(line.noted.TOPIC, value, key, partition=0)
    finally:
        await producer.stop()


async def test_it_is_complete_only_when_read_to_the_end(replica: Replica[Noted]) -> None:
    assert not replica.complete.is_set()
    await asyncio.wait_for(replica.complete.wait(), 30)
    assert {key: replica.get(key).number for key in "ab"} == {"a": 3, "b": 2}  # type: ignore[union-attr]


async def test_it_follows_changes_and_deletions_and_tells_them(
    replica: Replica[Noted], line: Line
) -> None:
    await asyncio.wait_for(replica.complete.wait(), 30)
    told: list[tuple[str, int | None]] = []
    replica.on_change(lambda key, value: told.append((key, value.number if value else None)))
    await send(line, (b"c", BODY % 4), (b"a", None), (b"a", None))

    await until(lambda: len(told) == 2)
    assert told == [("c", 4), ("a", None)]
    assert replica.get("a") is None
    assert {value.number for value in replica.values()} == {2, 4}


async def test_a_value_that_cannot_be_read_leaves_the_one_before(
    replica: Replica[Noted], line: Line
) -> None:
    """Settings that nobody can read must not lock everybody out."""
    await asyncio.wait_for(replica.complete.wait(), 30)
    await send(line, (b"a", b"{"), (b"\xff", BODY % 9), (b"d", BODY % 5))

    await until(lambda: replica.get("d") is not None)
    assert replica.get("a").number == 3  # type: ignore[union-attr]
