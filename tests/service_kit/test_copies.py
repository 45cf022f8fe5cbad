"""Several copies of one service: they share the partitions and never do anything twice."""

import asyncio
from collections import Counter
from pathlib import Path

from tests.service_kit.conftest import Start
from tests.service_kit.line import make_line, until, until_ready

SPACES = [f"space_{n}" for n in range(12)]


async def test_copies_that_come_and_go_apply_each_message_once_and_in_order(
    kafka: str, empty_database: str, tmp_path: Path, start: Start
) -> None:
    line = await make_line(kafka, empty_database, tmp_path, partitions=4)
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    emitted = 0

    async def emit(rounds: int) -> None:
        nonlocal emitted
        for _ in range(rounds):
            for space in SPACES:
                await line.emit(writer, emitted, emitted + 1, space=space)
                emitted += 2

    emitting = asyncio.create_task(emit(30))
    second = line.reading()
    await second.start()
    await until_ready(second)
    third = await start(line.reading())
    await until_ready(third)
    await second.stop()
    await emitting
    await emit(3)

    async def all_there() -> bool:
        return len(await line.applied()) >= emitted

    await until(all_there)
    rows = await line.rows(f"SELECT space, number FROM {line.reader}.applied ORDER BY no")
    assert Counter(row["number"] for row in rows) == Counter(range(emitted))
    for space in SPACES:
        numbers = [row["number"] for row in rows if row["space"] == space]
        assert numbers == sorted(numbers)


async def test_two_relays_of_one_service_send_everything_once_in_order(
    kafka: str, empty_database: str, tmp_path: Path, start: Start
) -> None:
    line = await make_line(kafka, empty_database, tmp_path)
    first = line.writing()
    await first.start()
    second, reader = await start(line.writing()), await start(line.reading())
    await until_ready(first, second, reader)
    for number in range(0, 20, 2):
        await line.emit(first, number)
        await line.emit(second, number + 1)
    await first.stop()
    await line.emit(second, 20)

    async def all_there() -> bool:
        return len(await line.applied()) >= 21

    await until(all_there)
    assert await line.applied() == list(range(21))
