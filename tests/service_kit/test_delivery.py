"""What is accepted is applied once, whatever happens on the way."""

import asyncio

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from service_kit import metrics, migrate, topics, tx
from service_kit.outcomes import Retry
from service_kit.packing import unpack
from service_kit.sender import headers_of
from service_kit.tx import Batch, Tx
from tests.service_kit.conftest import Start
from tests.service_kit.line import SECRET, Line, until, until_applied, until_ready


async def test_what_is_emitted_is_applied_once_and_in_order(line: Line, start: Start) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    for first in range(0, 100, 10):
        await line.emit(writer, *range(first, first + 10))

    await until_applied(line, range(100))


async def test_what_was_emitted_before_the_reader_first_came_is_applied(
    line: Line, start: Start
) -> None:
    writer = await start(line.writing())
    await until_ready(writer)
    await line.emit(writer, 1, 2)

    await start(line.reading())
    await until_applied(line, [1, 2])


async def test_a_crash_between_commit_and_acknowledgement_repeats_and_changes_nothing(
    line: Line, start: Start
) -> None:
    async def apply_and_crash(batch: Batch, tx: Tx) -> None:
        await line.append(batch, tx)
        tx.after_commit(crash)

    def crash() -> None:
        raise AssertionError("after the commit, before the broker hears of it")

    writer = await start(line.writing())
    crashing = line.reading(apply_and_crash)
    await crashing.start()
    await until_ready(writer, crashing)
    await line.emit(writer, 1, 2, 3)
    await until(lambda: crashing.runtime.health.fatal is not None)
    await crashing.stop()
    assert crashing.runtime.health.exit_code == 70
    assert await line.applied() == [1, 2, 3]

    before = repeated(line)
    await start(line.reading())
    await until(lambda: repeated(line) - before >= 3)
    await line.emit(writer, 4)
    await until_applied(line, [1, 2, 3, 4])


async def test_a_crash_before_the_commit_loses_nothing(line: Line, start: Start) -> None:
    async def apply_and_crash(batch: Batch, tx: Tx) -> None:
        await line.append(batch, tx)
        raise AssertionError("before the commit")

    writer = await start(line.writing())
    crashing = line.reading(apply_and_crash)
    await crashing.start()
    await until_ready(writer, crashing)
    await line.emit(writer, 1, 2, 3)
    await until(lambda: crashing.runtime.health.fatal is not None)
    await crashing.stop()
    assert await line.applied() == []

    await start(line.reading())
    await until_applied(line, [1, 2, 3])


async def test_a_batch_waits_while_something_else_is_down(line: Line, start: Start) -> None:
    attempts = 0

    async def apply_at_the_third_time(batch: Batch, tx: Tx) -> None:
        nonlocal attempts
        attempts += 1
        await line.append(batch, tx)
        if attempts < 3:
            raise Retry("somebody-is-down")

    writer, reader = await start(line.writing()), await start(line.reading(apply_at_the_third_time))
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2)

    await until_applied(line, [1, 2])
    assert attempts == 3
    await until(lambda: reader.runtime.health.notes == [])


async def test_rows_that_commit_late_are_neither_skipped_nor_overtaken(
    line: Line, start: Start
) -> None:
    """A takes its numbers first and commits last: B must have waited for it."""
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    dsn = migrate.service_dsn(line.dsn, line.writer, SECRET)
    listed = topics.load(line.topics_file)
    late, early = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        a, b = late.transaction(), early.transaction()
        await a.start()
        await b.start()
        tx_a, tx_b = tx.Tx(late, line.writer, listed), tx.Tx(early, line.writer, listed)
        tx_a.emit(line.noted(space="s", number=1))
        tx_b.emit(line.noted(space="s", number=2))
        await tx_a.finish()
        waiting = asyncio.create_task(tx_b.finish())
        await until(lambda: waiting_for_lock(line, line.writer))
        await a.commit()
        await waiting
        await until_applied(line, [1])
        await b.commit()
    finally:
        await late.close()
        await early.close()

    await until_applied(line, [1, 2])


async def test_numbers_of_a_rolled_back_transaction_are_given_again(
    line: Line, start: Start
) -> None:
    """A number that never comes would look like a hole for ever."""
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    async with writer.runtime.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        opened = tx.Tx(connection, line.writer, writer.runtime.topics)
        opened.emit(line.noted(space="s", number=0))
        await opened.finish()
        await transaction.rollback()
    await line.emit(writer, 1)

    await until_applied(line, [1])
    rows = await line.rows(f"SELECT last_seq, prev FROM {line.writer}.outbox")
    assert [tuple(row) for row in rows] == [(1, 0)]


async def test_a_message_published_twice_is_applied_once(line: Line, start: Start) -> None:
    """As after a relay died between the acknowledgement and its mark, or ran twice."""
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2, 3)
    await until_applied(line, [1, 2, 3])

    before = repeated(line)
    await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 0")
    await until(lambda: repeated(line) - before >= 3)
    await line.emit(writer, 4)
    await until_applied(line, [1, 2, 3, 4])


async def test_a_wiped_topic_is_refilled_and_changes_nothing(line: Line, start: Start) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2, 3)
    await until_applied(line, [1, 2, 3])

    admin = AIOKafkaAdminClient(bootstrap_servers=line.kafka)
    await admin.start()
    await admin.delete_topics([line.noted.TOPIC])
    await admin.close()
    await line.emit(writer, 4)
    await until(lambda: topic_is_back(line))

    await until_applied(line, [1, 2, 3, 4])


async def test_a_gap_is_seen_and_refilled_without_a_hand(line: Line, start: Start) -> None:
    """Number 2 never reached the broker, though the relay believes it did."""
    writer, reader = line.writing(), await start(line.reading())
    await writer.start()
    await until_ready(writer, reader)
    await line.emit(writer, 1)
    await until_applied(line, [1])
    await until(lambda: all_is_sent(line))
    writer.runtime.relay.stop()
    await line.emit(writer, 2, 3)
    await writer.stop()
    await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 3")
    await line.publish(await record_of(line, 3))
    await until(lambda: gaps(line) > 0)
    assert await line.applied() == [1]

    await start(line.writing())
    await until_applied(line, [1, 2, 3])


def repeated(line: Line) -> float:
    return metrics.value_of(
        "messages.repeated", stream=topics.group_of(line.reader, line.noted.TOPIC)
    )


def gaps(line: Line) -> float:
    return metrics.value_of("messages.gaps", stream=line.group)


async def all_is_sent(line: Line) -> bool:
    rows = await line.rows(
        f"SELECT m.last_seq = h.last_seq"
        f" FROM {line.writer}.relay_mark AS m, {line.writer}.outbox_head AS h"
    )
    return bool(rows[0][0])


async def waiting_for_lock(line: Line, service: str) -> bool:
    rows = await line.rows(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = $1",
        migrate.role_of(service),
    )
    return bool(rows)


async def topic_is_back(line: Line) -> bool:
    """Deletion goes on behind the answer, so making it anew may be refused for a moment."""
    try:
        await topics.provision(line.kafka, line.topics_file)
    except topics.TopicsDiffer:
        return False
    return True


async def record_of(line: Line, sequence: int) -> dict[str, object]:
    """The record that the relay would make of this row."""
    rows = await line.rows(
        f"SELECT first_seq, prev, messages FROM {line.writer}.outbox"
        " WHERE $1 BETWEEN first_seq AND last_seq",
        sequence,
    )
    [message] = [message for message in unpack(rows[0]) if message.sequence == sequence]
    return {
        "key": message.key,
        "value": message.body,
        "headers": headers_of(message, line.writer.encode()),
    }
