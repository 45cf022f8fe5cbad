"""What goes into the outbox can get out again."""

import os

import pytest

from service_kit import topics
from service_kit.outbox import MAX_BYTES, MessageTooLarge, compose
from service_kit.testing import written
from tests.conftest import TxOf
from tests.conventions.places import ROOT
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, until_applied, until_ready
from tests.service_kit.names import Noted


def test_a_message_that_a_broker_would_refuse_is_refused_before_it_is_written() -> None:
    """One such row would jam everything behind it."""
    topic = topics.Topic("contacts.notes.v1", 12, {}, {})
    message = Noted(space="s", number=1, text="x" * MAX_BYTES)
    with pytest.raises(MessageTooLarge):
        compose(message, topic)


async def test_the_largest_message_gets_through(line: Line, start: Start) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    async with writer.runtime.transaction() as tx:
        large = "".join(chr(33 + (i * 7919 + i // 93) % 90) for i in range(MAX_BYTES - 80_000))
        large = large.replace("\\", "/").replace('"', "'")
        tx.emit(*(line.noted(space="s", number=n, text=large) for n in range(3)))

    await until_applied(line, [0, 1, 2])


async def test_each_row_names_the_one_before_it_in_its_partition(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    listed = topics.Topic("contacts.notes.v1", 2, {}, {})
    from service_kit import outbox

    keys = ["a", "b", "c", "d", "a", "b", "c", "d"]
    composed = [compose(Noted(space=key, number=1), listed) for key in keys]
    first = await outbox.append(tx.connection, composed[:3])
    second = await outbox.append(tx.connection, composed[3:])
    assert sorted(first + second) == list(range(min(first), min(first) + 8))

    last: dict[int, int] = {}
    for message in await written(tx.connection):
        partition = listed.partition_of(message.key)
        assert message.previous == last.get(partition, 0)
        last[partition] = message.sequence
    sequences = dict(zip(range(8), first + second, strict=True))
    for partition in (0, 1):
        mine = [sequences[n] for n, key in enumerate(keys) if _partition(listed, key) == partition]
        assert mine == sorted(mine)


async def test_what_is_packed_into_rows_comes_out_as_it_was(tx_of: TxOf) -> None:
    """More than fits into one row, and one message larger than a row."""
    tx = await tx_of("ingest")
    listed = topics.Topic("contacts.notes.v1", 1, {}, {})
    from service_kit import outbox

    sizes = [1, 90_000, 90_000, 500_000, 0, 3]
    texts = [os.urandom(size // 2 + 1).hex() for size in sizes]
    composed = [
        compose(Noted(space=f"s{n}", number=n, text=text), listed) for n, text in enumerate(texts)
    ]
    sequences = await outbox.append(tx.connection, composed)

    messages = await written(tx.connection)
    assert [message.sequence for message in messages] == sequences
    assert [message.previous for message in messages] == [0, *sequences[:-1]]
    assert [(m.key, m.headers, m.body) for m in messages] == [
        (o.key, o.headers, o.body) for o in composed
    ]


def _partition(topic: topics.Topic, key: str) -> int:
    return topic.partition_of(key.encode())


async def test_a_message_carries_the_sequence_it_was_given_before_the_commit(tx_of: TxOf) -> None:
    """A version that is a sequence never falls back, not even after a restore."""
    tx = await tx_of("merge_resolver")
    told: list[int] = []

    async def remember(_: object, sequenced: object) -> None:
        told.extend(sequence for _, sequence in sequenced)  # type: ignore[attr-defined]

    tx._topics = topics.Topics([topics.Topic("contacts.notes.v1", 12, {}, {})])
    tx.emit(Noted(space="s", number=1), Noted(space="s", number=2))
    tx.after_sequencing(remember)
    await tx.finish()
    assert told == [message.sequence for message in await written(tx.connection)]


def test_partitions_are_those_of_kafkas_own_partitioner() -> None:
    """Others may compute them too; the numbers are those of the Java client's own tests."""
    wide = topics.Topic("t", 2**31 - 1, {}, {})
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, value in hashes.items():
        assert wide.partition_of(key) == (value & 0x7FFFFFFF) % (2**31 - 1)


def test_the_topics_of_the_project_are_readable_and_complete() -> None:
    listed = topics.load(ROOT / "deploy" / "topics.yaml")
    assert listed["contacts.settings.v1"].compacted
    assert listed["contacts.changes.v1"].partitions == 12
    assert "contacts.changes.v1.crm-sync.changes.dlq" in listed
    for topic in listed.all():
        assert topic.config["message.timestamp.type"] == "LogAppendTime"
