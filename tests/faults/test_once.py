"""Applied once, and with one ending for each message: all that was applied, counted.

`test_mistakes` runs these checks on wrong builds too.
"""

import asyncio
from typing import Any

from aiokafka.structs import ConsumerRecord

from service_kit.consumer import Consumer
from service_kit.service import Service
from service_kit.testing import opened
from service_kit.tx import Batch, Tx
from tests.faults.last import applied_before_the_last
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, until, until_ready
from tests.service_kit.test_delivery import all_is_sent, record_of, waiting_for_lock


async def test_nothing_is_applied_twice_when_all_is_published_again(
    line: Line, start: Start
) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2, 3)
    await until(lambda: all_is_sent(line))
    await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 0")

    assert await applied_before_the_last(line, writer) == [1, 2, 3]


async def test_nothing_is_applied_twice_when_a_reader_dies_behind_its_commit(
    line: Line, start: Start
) -> None:
    async def apply_and_die(batch: Batch, tx: Tx) -> None:
        await line.append(batch, tx)
        tx.after_commit(die)

    def die() -> None:
        raise AssertionError("dies")

    writer, dying = await start(line.writing()), line.reading(apply_and_die)
    await dying.start()
    await until_ready(writer, dying)
    await line.emit(writer, 1, 2, 3)
    await until(lambda: dying.runtime.health.fatal is not None)
    await dying.stop()

    await start(line.reading())
    assert await applied_before_the_last(line, writer) == [1, 2, 3]


async def test_nothing_is_applied_twice_by_two_owners_at_once(line: Line) -> None:
    """As when one was frozen within a batch and the broker gave its partition away."""
    entered, may_go_on = asyncio.Event(), asyncio.Event()

    async def linger(batch: Batch, tx: Tx) -> None:
        entered.set()
        await may_go_on.wait()
        await line.append(batch, tx)

    writing = Service(line.writer, line.settings(line.writer))
    mine, others = line.reading_service(linger), line.reading_service()
    async with opened(writing) as writer, opened(mine) as former, opened(others) as later:
        async with writer.transaction() as tx:
            tx.emit(*(line.noted(space="s", number=n) for n in (1, 2, 3)))
        records = [_delivered(line, n, await record_of(line, n)) for n in (1, 2, 3)]
        await Consumer(others.streams[0], later).on_batch(records[:1])
        first = asyncio.create_task(Consumer(mine.streams[0], former).on_batch(records[1:]))
        await entered.wait()
        second = asyncio.create_task(Consumer(others.streams[0], later).on_batch(records[1:]))
        await until(lambda: _waits_or_is_done(line, second))
        may_go_on.set()
        await asyncio.gather(first, second)
    assert await line.applied() == [1, 2, 3]


async def test_what_is_refused_is_counted_beside_what_is_applied(line: Line, start: Start) -> None:
    async def refuse_the_second(batch: Batch, tx: Tx) -> None:
        for received in batch:
            if received.body.number == 2:
                tx.reject(received, "not-two")
        await line.append([r for r in batch if r.body.number != 2], tx)

    writer, reader = await start(line.writing()), await start(line.reading(refuse_the_second))
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2, 3)

    applied = await applied_before_the_last(line, writer)
    letters = await line.rows(f"SELECT slug FROM {line.reader}.dead_letters")
    assert len(applied) + len(letters) == 3


def _delivered(line: Line, offset: int, record: dict[str, Any]) -> ConsumerRecord[Any, Any]:
    key, value = record["key"], record["value"]
    sizes = (None, len(key), len(value))
    headers = tuple(record["headers"])
    return ConsumerRecord(line.noted.TOPIC, 0, offset, 0, 1, key, value, *sizes, headers)


async def _waits_or_is_done(line: Line, task: "asyncio.Task[None]") -> bool:
    return task.done() or await waiting_for_lock(line, line.reader)
