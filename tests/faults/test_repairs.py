"""The repairs that an operator makes by hand: a restore, and more partitions. All applied, once."""

import asyncio
import json
from collections.abc import Sequence

import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from service_kit import growing, restoring, topics
from service_kit.packing import unpack
from service_kit.process import Running
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, make_line, until, until_ready
from tests.service_kit.test_delivery import all_is_sent

STATE = ["applied", "outbox", "outbox_head", "outbox_tails", "relay_mark", "relay_offsets"]
STATE += ["watermarks", "dead_letters"]


async def back_up(line: Line, service: str) -> None:
    """What a backup of the service's schema holds."""
    for table in await tables(line, service):
        await line.rows(f"CREATE TABLE {service}.saved_{table} AS TABLE {service}.{table}")


async def put_back(line: Line, service: str) -> None:
    for table in await tables(line, service):
        columns = "space, number" if table == "applied" else "*"
        await line.rows(f"TRUNCATE {service}.{table}")
        await line.rows(
            f"INSERT INTO {service}.{table} SELECT {columns} FROM {service}.saved_{table}"
            if columns == "*"
            else f"INSERT INTO {service}.{table} ({columns})"
            f" SELECT {columns} FROM {service}.saved_{table} ORDER BY no"
        )


async def tables(line: Line, service: str) -> list[str]:
    rows = await line.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename = ANY ($2)",
        service,
        STATE,
    )
    return [row["tablename"] for row in rows]


async def restore(line: Line, service: str) -> restoring.Restored:
    both, listed = (line.writer, line.reader), topics.load(line.topics_file)
    return await restoring.restore(line.kafka, line.dsn, service, both, listed)


async def until_all_applied(line: Line, wanted: Sequence[int]) -> None:
    """In whatever order, and none twice."""

    async def there() -> bool:
        return set(wanted) <= set(await line.applied())

    await until(there)
    assert sorted(await line.applied()) == list(wanted)


async def begin(line: Line) -> tuple[Running, Running]:
    writer, reader = line.writing(), line.reading()
    await writer.start()
    await reader.start()
    await until_ready(writer, reader)
    return writer, reader


async def test_a_restored_writer_gives_out_no_number_twice(line: Line, start: Start) -> None:
    """A backup, three hundred more, a restore, then new ones: the reader gets every one of them."""
    writer, reader = await begin(line)
    await line.emit(writer, *range(10))
    await until_all_applied(line, range(10))
    await back_up(line, line.writer)
    await line.emit(writer, *range(10, 310))
    await until_all_applied(line, range(310))
    await writer.stop()
    await put_back(line, line.writer)

    assert (await restore(line, line.writer)).hole == (11, 310)
    assert (await restore(line, line.writer)).hole is None
    writer = await start(line.writing())
    await until_ready(writer)
    await line.emit(writer, *range(310, 410))
    await until_all_applied(line, range(410))
    await until(lambda: all_is_sent(line))
    await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 0")
    await line.emit(writer, 410)
    await until_all_applied(line, range(411))
    assert writer.runtime.health.fatal is None
    await reader.stop()


async def test_numbers_that_only_a_reader_knows_are_not_given_out_again(
    line: Line, start: Start
) -> None:
    """The topic was lost too; what was applied of it still counts."""
    writer, reader = await begin(line)
    await line.emit(writer, 1)
    await until_all_applied(line, [1])
    await back_up(line, line.writer)
    await line.emit(writer, 2, 3)
    await until_all_applied(line, [1, 2, 3])
    await writer.stop()
    await put_back(line, line.writer)
    await line.rows(f"UPDATE {line.writer}.relay_offsets SET last_offset = 1000")

    assert (await restore(line, line.writer)).hole == (2, 3)
    await reader.stop()


async def test_a_restored_reader_reads_again_what_it_forgot(line: Line, start: Start) -> None:
    writer, reader = await begin(line)
    await line.emit(writer, *range(10))
    await until_all_applied(line, range(10))
    await back_up(line, line.reader)
    await line.emit(writer, *range(10, 210))
    await until_all_applied(line, range(210))
    await reader.stop()
    await put_back(line, line.reader)
    assert sorted(await line.applied()) == list(range(10))

    assert (await restore(line, line.reader)).groups == (line.group,)
    reader = await start(line.reading())
    await until_all_applied(line, range(210))
    await line.emit(writer, 210)
    await until_all_applied(line, range(211))
    assert await line.rows(f"SELECT 1 FROM {line.reader}.outbox") == []  # it asked for no refill
    await writer.stop()


async def test_a_group_that_was_deleted_reads_all_again_and_changes_nothing(
    line: Line, start: Start
) -> None:
    writer, reader = await begin(line)
    await line.emit(writer, 1, 2)
    await until_all_applied(line, [1, 2])
    await reader.stop()
    await line.emit(writer, 3)
    await until(lambda: all_is_sent(line))
    admin = AIOKafkaAdminClient(bootstrap_servers=line.kafka)
    await admin.start()
    coordinator = await admin.find_coordinator(line.group)
    answer = await admin._send_request(DeleteGroupsRequest([line.group]), coordinator)
    await admin.close()
    assert answer.results == [(line.group, 0)]

    await until_ready(await start(line.reading()))
    await until_all_applied(line, [1, 2, 3])
    await writer.stop()


@pytest.mark.parametrize("refilled", [False, True])
async def test_positions_set_past_what_was_never_read_show_as_a_gap(
    line: Line, start: Start, refilled: bool
) -> None:
    """The next record behind them names one that was not applied: all of them are sent again.

    Without a next record a refill by hand brings them.
    """
    writer, reader = await begin(line)
    await line.emit(writer, 1)
    await until_all_applied(line, [1])
    await reader.stop()
    await line.emit(writer, 2, 3)
    await until(lambda: all_is_sent(line))
    await commit_ends(line)

    reader = await start(line.reading())
    await until_ready(reader)
    assert await line.applied() == [1]
    if refilled:
        await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 0")
        await until_all_applied(line, [1, 2, 3])
    else:
        await line.emit(writer, 4)
        await until_all_applied(line, [1, 2, 3, 4])
    await writer.stop()


async def test_a_running_service_is_not_restored(line: Line, start: Start) -> None:
    writer = await start(line.writing())
    await until_ready(writer)
    with pytest.raises(restoring.StillRunning):
        await restore(line, line.writer)


async def test_topics_grow_under_load_and_a_refill_changes_nothing(
    kafka: str, empty_database: str, tmp_path_factory: pytest.TempPathFactory, start: Start
) -> None:
    line = await make_line(kafka, empty_database, tmp_path_factory.mktemp("line"), partitions=2)
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    numbers = iter(range(10_000))

    async def load() -> None:
        """Into as many partitions as there are."""
        while True:
            number = next(numbers)
            await line.emit(writer, number, space=f"s{number % 40}")

    loading = asyncio.create_task(load())
    told = yaml.safe_load(line.topics_file.read_text())
    told["topics"][line.noted.TOPIC]["partitions"] = 4
    line.topics_file.write_text(yaml.safe_dump(told))
    both = (line.writer, line.reader)
    with pytest.raises(topics.TopicsDiffer, match="kith topics grow"):
        await topics.provision(kafka, line.topics_file)
    assert await growing.grow(kafka, line.dsn, line.topics_file, both) == [line.noted.TOPIC]
    assert await growing.grow(kafka, line.dsn, line.topics_file, both) == []
    loading.cancel()
    await asyncio.wait([loading])

    await writer.stop()
    await reader.stop()
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    first = next(numbers)
    for number in range(first, first + 40):
        await line.emit(writer, number, space=f"s{number % 40}")
    await until(lambda: all_is_sent(line))
    for _ in range(2):
        await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 0")
        await until(lambda: all_is_sent(line))
    applied = {row["number"] for row in await emitted(line)}
    await until_all_applied(line, sorted(applied))
    assert {row["partition"] for row in await emitted(line)} == {0, 1, 2, 3}
    await until(lambda: all_is_read(line))
    assert len(await line.applied()) == len(applied)


async def test_a_copy_starts_beside_another_after_topics_have_grown(
    line: Line, start: Start
) -> None:
    """The broker takes no start offset for the new partition while the group has a member."""
    await until_ready(await start(line.writing()), await start(line.reading()))
    told = yaml.safe_load(line.topics_file.read_text())
    told["topics"][line.noted.TOPIC]["partitions"] = 2
    line.topics_file.write_text(yaml.safe_dump(told))
    await growing.grow(line.kafka, line.dsn, line.topics_file, (line.writer, line.reader))

    await until_ready(await start(line.reading()))


async def emitted(line: Line) -> "list[dict[str, int]]":
    """Those that were committed: the load may have been ended within one."""
    rows = await line.rows(f"SELECT partition, first_seq, prev, messages FROM {line.writer}.outbox")
    return [
        {"number": json.loads(message.body)["number"], "partition": row["partition"]}
        for row in rows
        for message in unpack(row)
    ]


async def commit_ends(line: Line) -> None:
    """As an operator may, for the whole group."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=line.kafka, group_id=line.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        place = TopicPartition(line.noted.TOPIC, 0)
        consumer.assign([place])
        await consumer.commit(dict(await consumer.end_offsets([place])))
    finally:
        await consumer.stop()


async def all_is_read(line: Line) -> bool:
    """By the group as the broker knows it."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=line.kafka, group_id=line.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        places = [TopicPartition(line.noted.TOPIC, p) for p in range(4)]
        ends = await consumer.end_offsets(places)
        return all([await consumer.committed(place) == ends[place] for place in places])
    finally:
        await consumer.stop()
