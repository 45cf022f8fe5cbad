"""What goes into the outbox can get out again."""

import pytest

from service_kit import topics
from service_kit.outbox import MAX_BYTES, MessageTooLarge, compose
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
    assert first + second == list(range(first[0], first[0] + 8))

    rows = await tx.connection.fetch("SELECT seq, prev, partition FROM outbox ORDER BY seq")
    last: dict[int, int] = {}
    for row in rows[-8:]:
        assert row["prev"] == last.get(row["partition"], 0)
        last[row["partition"]] = row["seq"]


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
    rows = await tx.connection.fetch("SELECT seq FROM outbox ORDER BY seq DESC LIMIT 2")
    assert told == sorted(row["seq"] for row in rows)


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
