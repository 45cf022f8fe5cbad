"""Accepted is kept: each check compares all that was accepted with all that was applied.

`test_mistakes` runs these checks on wrong builds too.
"""

import asyncio
import itertools
import os
import signal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError
from pydantic import SecretStr

from kith.faults.servers import children_of
from kith.stack import postgres as local_postgres
from service_kit import migrate, tx
from service_kit.outcomes import is_transient
from service_kit.service import Runtime, Service
from service_kit.settings import KitSettings
from service_kit.tx import Batch, Tx
from tests.faults.last import applied_before_the_last
from tests.service_kit.conftest import Start
from tests.service_kit.line import CONFIG, SECRET, Line, make_line, until, until_ready
from tests.service_kit.names import Noted
from tests.service_kit.test_delivery import all_is_sent, record_of


async def test_nothing_is_lost_when_a_handler_dies(line: Line, start: Start) -> None:
    async def die(batch: Batch, tx: Tx) -> None:
        raise AssertionError("dies")

    writer, dying = await start(line.writing()), line.reading(die)
    await dying.start()
    await until_ready(writer, dying)
    await line.emit(writer, 1, 2, 3)
    await until(lambda: dying.runtime.health.fatal is not None)
    await dying.stop()

    await start(line.reading())
    assert await applied_before_the_last(line, writer) == [1, 2, 3]


async def test_nothing_is_lost_when_a_message_never_reached_the_topic(
    line: Line, start: Start
) -> None:
    writer, reader = line.writing(), await start(line.reading())
    await writer.start()
    await until_ready(writer, reader)
    await line.emit(writer, 1)
    await until(lambda: all_is_sent(line))
    writer.runtime.relay.stop()
    await line.emit(writer, 2, 3)
    await writer.stop()
    await line.rows(f"UPDATE {line.writer}.relay_mark SET last_seq = 3")
    await line.publish(await record_of(line, 3))

    writer = await start(line.writing())
    await until_ready(writer)
    assert await applied_before_the_last(line, writer) == [1, 2, 3]


async def test_nothing_is_lost_when_transactions_commit_in_another_order(
    kafka: str, empty_database: str, tmp_path: Path, start: Start
) -> None:
    """In two partitions, so that only the lock of the head makes the later one wait."""
    line = await make_line(kafka, empty_database, tmp_path, partitions=2)
    await line.rows(f"CREATE SEQUENCE {line.writer}.numbers")
    await line.rows(
        f"GRANT USAGE ON SEQUENCE {line.writer}.numbers TO {migrate.role_of(line.writer)}"
    )
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    a, b = _two_spaces(line, writer.runtime)
    dsn = migrate.service_dsn(line.dsn, line.writer, SECRET)
    late, early = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        first, second = late.transaction(), early.transaction()
        await first.start()
        await second.start()
        tx_a = tx.Tx(late, line.writer, writer.runtime.topics)
        tx_b = tx.Tx(early, line.writer, writer.runtime.topics)
        tx_a.emit(line.noted(space=a, number=1))
        tx_b.emit(line.noted(space=b, number=2))
        await tx_a.finish()
        finishing = asyncio.create_task(tx_b.finish())
        await asyncio.wait([finishing], timeout=1)
        if finishing.done():  # it did not wait, so it is seen first
            await second.commit()
            await until(lambda: _sent(line, 2))
            await first.commit()
        else:
            await first.commit()
            await finishing
            await second.commit()
    finally:
        await late.close()
        await early.close()

    assert sorted(await applied_before_the_last(line, writer, a)) == [1, 2]


async def test_nothing_is_lost_when_the_broker_refuses_once(
    line: Line, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    await line.emit(writer, 1)
    await until(lambda: all_is_sent(line))
    refusals = itertools.count()
    for name in ("send", "send_batch"):
        monkeypatch.setattr(AIOKafkaProducer, name, _refusing_once(name, line, refusals))
    await line.emit(writer, 2, 3, 4)

    assert await applied_before_the_last(line, writer) == [1, 2, 3, 4]


async def test_what_was_there_before_a_group_first_came_is_applied(
    line: Line, start: Start
) -> None:
    writer = await start(line.writing())
    await until_ready(writer)
    await line.emit(writer, 1, 2)
    await until(lambda: all_is_sent(line))

    await until_ready(await start(line.reading()))
    assert await applied_before_the_last(line, writer) == [1, 2]


async def test_what_was_committed_survives_the_kill_of_the_database(tmp_path: Path) -> None:
    server = local_postgres.start(tmp_path / "postgres")
    try:
        await migrate.provision(server.dsn, ["writer_kept"], SECRET)
        runtime = Runtime(Service("writer_kept", _settings(server.dsn, tmp_path)))
        await runtime.open()
        committed = asyncio.create_task(_commit_until_it_fails(runtime))
        await until(lambda: _rows(server.dsn, 50))
        for pid in (server.pid, *children_of(server.pid)):
            os.kill(pid, signal.SIGKILL)
        server.process.wait(10)
        accepted = await committed
        runtime.pool.terminate()
        server = await asyncio.to_thread(_start_again, tmp_path / "postgres", server.port)
        connection = await asyncpg.connect(server.dsn)
        newest = "SELECT coalesce(max(last_seq), 0) FROM writer_kept.outbox"
        kept = await connection.fetchval(newest)
        await connection.close()
    finally:
        server.stop()
    assert kept >= accepted, f"lost {accepted - kept} of {accepted}"


async def _commit_until_it_fails(runtime: Runtime) -> int:
    """How many transactions were answered with a commit."""
    for number in itertools.count(1):
        try:
            async with runtime.transaction() as opened:
                opened.emit(Noted(space="s", number=number))
        except Exception as error:
            if not is_transient(error):
                raise
            return number - 1
    raise AssertionError


async def _rows(dsn: str, wanted: int) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return bool(
            await connection.fetchval("SELECT count(*) >= $1 FROM writer_kept.outbox", wanted)
        )
    finally:
        await connection.close()


def _start_again(directory: Path, port: int) -> local_postgres.Postgres:
    """The processes of a killed server may still be leaving: then it refuses for a moment."""
    for _ in range(20):
        try:
            return local_postgres.start(directory, port)
        except local_postgres.PostgresDidNotStart:
            continue
    return local_postgres.start(directory, port)


def _settings(dsn: str, folder: Path) -> KitSettings:
    listed = {
        "defaults": {"partitions": 1, "config": CONFIG},
        "topics": {Noted.TOPIC: {"messages": {}}},
    }
    file = folder / "topics.yaml"
    file.write_text(yaml.safe_dump(listed))
    return KitSettings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=SecretStr(migrate.service_dsn(dsn, "writer_kept", SECRET)),
        secret=SecretStr(SECRET),
        service_token=SecretStr("token"),
        topics_file=file,
    )


def _two_spaces(line: Line, runtime: Runtime) -> tuple[str, str]:
    """In different partitions."""
    topic = runtime.topics[line.noted.TOPIC]
    found = {topic.partition_of(f"s{n}".encode()): f"s{n}" for n in range(20)}
    return found[0], found[1]


async def _sent(line: Line, sequence: int) -> bool:
    rows = await line.rows(f"SELECT last_seq FROM {line.writer}.relay_mark")
    return bool(rows[0]["last_seq"] >= sequence)


def _refusing_once(name: str, line: Line, refusals: "itertools.count[int]") -> Any:
    """Of all records of this line's topic, the first one that comes."""
    whole = getattr(AIOKafkaProducer, name)

    async def send(self: Any, first: Any, *arguments: Any, **more: Any) -> Any:
        topic = first if name == "send" else arguments[0]
        if topic == line.noted.TOPIC and next(refusals) == 0:
            raise KafkaTimeoutError
        return await whole(self, first, *arguments, **more)

    return send
