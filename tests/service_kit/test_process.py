"""A service as a process: ready when it is, gone when told, loud when something is wrong."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from kith.stack import ports
from service_kit import migrate
from tests.service_kit.conftest import Start
from tests.service_kit.line import SECRET, Line, until, until_applied, until_ready

Launch = Callable[..., Awaitable[tuple[Process, str]]]


@pytest.fixture
async def launch(line: Line) -> AsyncIterator[Launch]:
    processes: list[Process] = []

    async def begin(**changed: str) -> tuple[Process, str]:
        port = ports.pick(None)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "KITH_KAFKA_BOOTSTRAP": line.kafka,
            "KITH_SERVICE_POSTGRES_DSN": migrate.service_dsn(line.dsn, line.reader, SECRET),
            "KITH_SECRET": SECRET,
            "KITH_SERVICE_TOKEN": "token",
            "KITH_HTTP_PORT": str(port),
            "KITH_TOPICS_FILE": str(line.topics_file),
            **changed,
        }
        module = ["-m", "tests.service_kit.probe_service", line.reader, line.noted.TOPIC]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *module, env=environment, stderr=asyncio.subprocess.PIPE
        )
        processes.append(process)
        return process, f"http://127.0.0.1:{port}"

    yield begin
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def status(url: str) -> int:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(url)).status_code
        except httpx.TransportError:
            return 0


async def test_a_service_gets_ready_applies_and_leaves_in_order(
    line: Line, launch: Launch, start: Start
) -> None:
    writer = await start(line.writing())
    await until_ready(writer)
    process, url = await launch()

    async def is_ready() -> bool:
        return await status(f"{url}/readyz") == 200

    await until(is_ready)
    assert await status(f"{url}/healthz") == 200
    await line.emit(writer, 1, 2)
    await until_applied(line, [1, 2])
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"{url}/metrics")).text
        assert (await client.get(f"{url}/nowhere")).json()["code"] == "not-found"
    wanted = f'kith_messages_applied_total{{stream="{line.group}",type="Noted"}} 2.0'
    assert wanted in page

    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert b"Traceback" not in errors


async def test_without_a_broker_it_is_alive_but_not_ready_and_still_leaves_when_told(
    launch: Launch,
) -> None:
    process, url = await launch(KITH_KAFKA_BOOTSTRAP=f"127.0.0.1:{ports.pick(None)}")

    async def is_alive() -> bool:
        return await status(f"{url}/healthz") == 200

    await until(is_alive)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert "starting" in answer.json()["reasons"]

    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.wait(), 30)
    assert process.returncode == 0


async def test_a_hole_in_the_outbox_ends_the_process(line: Line) -> None:
    """What lies after it must not go out before it, and it will never come."""
    writer = line.writing()
    await writer.start()
    await until_ready(writer)
    writer.runtime.relay.stop()
    for number in (1, 2, 3):
        await line.emit(writer, number)
    await writer.stop()
    await line.rows(f"DELETE FROM {line.writer}.outbox WHERE last_seq = 2")

    writer = line.writing()
    await writer.start()
    await until(lambda: writer.runtime.health.fatal is not None)
    await writer.stop()
    assert writer.runtime.health.fatal == "relay: HoleInOutbox"
    assert writer.runtime.health.exit_code == 70


async def test_a_restored_database_that_forgot_what_it_sent_is_refused(
    line: Line, start: Start
) -> None:
    """It would give out used sequences, and every reader would drop the new messages."""
    writer, reader = line.writing(), await start(line.reading())
    await writer.start()
    await until_ready(writer)
    await line.emit(writer, 1)
    await until_applied(line, [1])
    await line.emit(writer, 2, 3)
    await until_applied(line, [1, 2, 3])
    await writer.stop()
    for statement in (
        f"DELETE FROM {line.writer}.outbox WHERE last_seq > 1",
        f"UPDATE {line.writer}.outbox_head SET last_seq = 1",
        f"UPDATE {line.writer}.relay_mark SET last_seq = 1",
        f"UPDATE {line.writer}.relay_offsets SET last_offset = 0",
    ):
        await line.rows(statement)

    writer = line.writing()
    await writer.start()
    await until(lambda: writer.runtime.health.fatal is not None)
    await writer.stop()
    assert writer.runtime.health.fatal == "relay: OutboxBehindTopic"
    assert reader.runtime.health.fatal is None


async def test_a_database_behind_its_migrations_is_not_ready(line: Line, start: Start) -> None:
    await line.rows(f"DELETE FROM {line.reader}.migrations")
    reader = await start(line.reading())

    async def says_why() -> bool:
        report = await reader.runtime.report()
        return any("migrations are missing" in reason for reason in report["reasons"])

    await until(says_why)
