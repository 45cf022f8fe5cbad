"""A bad record becomes a dead letter with its reason; what is good beside it is applied."""

from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from uuid_utils.compat import uuid7

from service_kit import topics
from service_kit.assignment import prime
from service_kit.tx import Batch, Tx
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, until, until_applied, until_ready


def headers(**changed: bytes | None) -> list[tuple[str, bytes | None]]:
    """Of a stranger whose sequences are in order, unless changed; `absent` drops one."""
    told: dict[str, bytes | None] = {
        "message-id": str(uuid7()).encode(),
        "type": b"Noted",
        "version": b"1",
        "producer": b"stranger",
        "sequence": b"1",
        "previous": b"0",
        "space": b"s",
        "correlation-id": b"c",
        "causation-id": b"",
    }
    told |= {name.replace("_", "-"): value for name, value in changed.items()}
    return [(name, value) for name, value in told.items() if value != b"absent"]


GOOD = b'{"space": "s", "number": 7}'
BAD: dict[str, dict[str, Any]] = {
    "bad-header": {"value": GOOD, "headers": headers(sequence=b"\xff\xfe")},
    "null-header": {"value": GOOD, "headers": headers(space=None)},
    "missing-header": {"value": GOOD, "headers": headers(producer=b"absent")},
    "unknown-version": {"value": GOOD, "headers": headers(version=b"2")},
    "null-value": {"value": None, "headers": headers()},
    "bad-json": {"value": b'{"space": ', "headers": headers()},
    "invalid-body": {"value": b'{"space": "s", "number": "Ada"}', "headers": headers()},
    "unkeepable-value": {
        "value": b'{"space": "s", "number": 7, "text": "a\\u0000b"}',
        "headers": headers(),
    },
}


@pytest.mark.parametrize("slug", BAD)
async def test_a_bad_record_between_good_ones_is_a_dead_letter(
    slug: str, line: Line, start: Start
) -> None:
    writer = await start(line.writing())
    await until_ready(writer)
    await line.emit(writer, 1)
    await until(lambda: published(line, 1))
    await line.publish({"key": b"s", **BAD[slug]})
    await line.emit(writer, 2)

    await start(line.reading())
    await until_applied(line, [1, 2])
    rows = await line.rows(f"SELECT slug, record_offset, body FROM {line.reader}.dead_letters")
    assert [tuple(row) for row in rows] == [(slug, 1, BAD[slug]["value"])]


async def test_a_type_that_nobody_told_of_is_passed_over(line: Line, start: Start) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    await line.publish(
        {"key": b"s", "value": b"\xff", "headers": headers(type=b"Sung")},
        {"key": b"s", "value": GOOD, "headers": headers(sequence=b"2", previous=b"1")},
    )

    await until_applied(line, [7])
    assert await line.rows(f"SELECT id FROM {line.reader}.dead_letters") == []


async def test_a_dead_letter_is_sent_to_the_readers_own_topic_once(
    line: Line, start: Start
) -> None:
    """Its headers tell the reason and the place, and never the content."""
    reader = await start(line.reading())
    await until_ready(reader)
    await line.publish({"key": b"s", **BAD["bad-json"]})
    name = topics.dead_letter_topic(line.noted.TOPIC, line.group)
    consumer = AIOKafkaConsumer(bootstrap_servers=line.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(name, 0)])
        await consumer.seek_to_beginning()
        record = await consumer.getone()
    finally:
        await consumer.stop()

    told = dict(record.headers)
    assert record.value == BAD["bad-json"]["value"]
    assert (told["slug"], told["type"]) == (b"bad-json", b"Noted")
    assert told["from"] == f"{line.noted.TOPIC}/0/0".encode()


async def test_what_a_handler_rejects_is_a_dead_letter_with_its_slug(
    line: Line, start: Start
) -> None:
    async def refuse_the_second(batch: Batch, tx: Tx) -> None:
        for received in batch:
            if received.body.number == 2:
                tx.reject(received, "not-two")
        await line.append([r for r in batch if r.body.number != 2], tx)

    writer, reader = await start(line.writing()), await start(line.reading(refuse_the_second))
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2, 3)

    await until_applied(line, [1, 3])
    rows = await line.rows(f"SELECT slug, type FROM {line.reader}.dead_letters")
    assert [tuple(row) for row in rows] == [("not-two", "Noted")]


async def test_too_many_dead_letters_stop_the_process_and_keep_the_messages(
    line: Line, start: Start
) -> None:
    """Bad code must not drain a topic into the dead letters."""

    async def refuse_all(batch: Batch, tx: Tx) -> None:
        for received in batch:
            tx.reject(received, "a-bug-of-ours")

    writer = await start(line.writing())
    broken = line.reading(refuse_all)
    await broken.start()
    await until_ready(writer, broken)
    await line.emit(writer, *range(100))
    await until(lambda: broken.runtime.health.fatal is not None)
    await broken.stop()
    assert broken.runtime.health.exit_code == 70
    assert await line.rows(f"SELECT id FROM {line.reader}.dead_letters") == []

    await start(line.reading())
    await until_applied(line, range(100))


async def test_few_bad_records_among_many_stop_nobody_also_when_all_is_read_again(
    line: Line, start: Start
) -> None:
    """One in ten, and more of them in the topic than may be among a hundred."""
    bad = {"key": b"s", **BAD["bad-header"]}
    good = [
        {
            "key": b"s",
            "value": b'{"space": "s", "number": %d}' % n,
            "headers": headers(sequence=b"%d" % n, previous=b"%d" % (n - 1)),
        }
        for n in range(1, 301)
    ]
    await line.publish(*(r for n in range(0, 300, 10) for r in (*good[n : n + 10], bad)))
    reader = line.reading()
    await reader.start()
    await until_applied(line, range(1, 301))
    await reader.stop()

    await prime(line.kafka, line.group, line.noted.TOPIC, 1, anew=True)
    reader = await start(line.reading())
    for n in (301, 302):
        told = headers(sequence=b"%d" % n, previous=b"%d" % (n - 1))
        value = b'{"space": "s", "number": %d}' % n
        await line.publish({"key": b"s", "value": value, "headers": told})
        await until_applied(line, range(1, n + 1))
    assert reader.runtime.health.fatal is None
    letters = await line.rows(f"SELECT id FROM {line.reader}.dead_letters")
    assert len(letters) == 30


async def test_strangers_whose_sequences_begin_again_are_still_heard(
    line: Line, start: Start
) -> None:
    reader = await start(line.reading(trusted=False))
    await until_ready(reader)
    value = b'{"space": "s", "number": %d}'
    first = [{"key": b"s", "value": value % n, "headers": headers()} for n in (1, 2)]
    bare = {"key": b"s", "value": value % 3, "headers": []}
    await line.publish(*first, bare)

    await until_applied(line, [1, 2, 3])


async def published(line: Line, sequence: int) -> bool:
    rows = await line.rows(f"SELECT last_seq FROM {line.writer}.relay_mark")
    return bool(rows[0]["last_seq"] >= sequence)
