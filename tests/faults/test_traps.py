"""Traps that need no more than a look, and that docs/traps.md has a line and a test for each."""

import ast
import gc
import re
import uuid
from importlib.metadata import version
from typing import Any

import asyncpg
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition
from uuid_utils.compat import uuid7

from service_kit import migrate, topics
from service_kit.outcomes import is_transient
from service_kit.service import Runtime, Service, Stream
from service_kit.subscribing import Subscriptions
from tests.conventions.places import ROOT
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, until, until_applied, until_ready
from tests.service_kit.test_bad_records import headers
from tests.service_kit.test_delivery import all_is_sent
from tests.service_kit.test_settings_of_clients import SOURCES, calls

PAGE = (ROOT / "docs" / "traps.md").read_text("utf-8")
ALL = [*(f"L{n}" for n in range(1, 25)), *(f"R{n}" for n in range(1, 17))]
ALL += [*(f"P{n}" for n in range(1, 14)), *(f"O{n}" for n in range(1, 9))]
LINES = re.findall(r"^\| ([LRPO]\d+) \| (.+) \| (.+) \|$", PAGE, re.M)


def test_every_trap_has_one_line() -> None:
    assert [number for number, _, _ in LINES] == ALL


@pytest.mark.parametrize(("number", "held"), [(n, held) for n, _, held in LINES])
def test_every_test_that_holds_a_trap_exists(number: str, held: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", held)
    assert named or held.startswith("does not apply"), number
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        functions = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert not name or name in functions, f"{number}: {file}::{name}"


UNKEEPABLE: dict[str, tuple[str, bytes]] = {
    "nul": ("unkeepable-value", b'{"space": "s", "number": 7, "text": "a\\u0000b"}'),
    "half a surrogate": ("unkeepable-value", b'{"space": "s", "number": 7, "text": "\\ud800"}'),
    "half a surrogate as bytes": (
        "bad-json",
        b'{"space": "s", "number": 7, "text": "\xed\xa0\x80"}',
    ),
    "not a number": ("bad-json", b'{"space": "s", "number": NaN}'),
    "infinity": ("bad-json", b'{"space": "s", "number": Infinity}'),
    "ten thousand deep": (
        "bad-json",
        b'{"space": "s", "number": 7, "text": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ),
    "nothing": ("bad-json", b""),
}


async def test_what_no_database_keeps_is_a_dead_letter(line: Line, start: Start) -> None:
    """And what comes behind it in its partition is applied."""
    reader = await start(line.reading())
    await until_ready(reader)
    records: list[dict[str, Any]] = []
    for number, (_, value) in enumerate(UNKEEPABLE.values(), 1):
        told = headers(sequence=b"%d" % number, previous=b"%d" % (number - 1))
        records.append({"key": b"s", "value": value, "headers": told})
    last = len(UNKEEPABLE) + 1
    told = headers(sequence=b"%d" % last, previous=b"%d" % (last - 1))
    records.append({"key": b"s", "value": b'{"space": "s", "number": 1}', "headers": told})
    await line.publish(*records)

    await until_applied(line, [1])
    rows = await line.rows(f"SELECT slug FROM {line.reader}.dead_letters ORDER BY record_offset")
    assert dict(zip(UNKEEPABLE, [row["slug"] for row in rows], strict=True)) == {
        name: slug for name, (slug, _) in UNKEEPABLE.items()
    }


async def test_records_that_expired_unread_stop_the_reader(line: Line, start: Start) -> None:
    writer, reader = await start(line.writing()), line.reading()
    await reader.start()
    await until_ready(writer, reader)
    await line.emit(writer, 1)
    await until_applied(line, [1])
    await reader.stop()
    await line.emit(writer, 2, 3)
    await until(lambda: all_is_sent(line))
    admin = AIOKafkaAdminClient(bootstrap_servers=line.kafka)
    await admin.start()
    await admin.delete_records({TopicPartition(line.noted.TOPIC, 0): RecordsToDelete(2)})
    await admin.close()

    late = line.reading()
    await late.start()
    await until(lambda: late.runtime.health.fatal is not None)
    await late.stop()
    assert "records 1 to 1 of partition 0 expired unread" in str(late.runtime.health.fatal)
    assert await line.applied() == [1]


# In production the process ends and takes with it what a dead client holds. Here the process goes
# on, and a task of that client may open one more connection while it is closed.
of_a_dead_client = pytest.mark.filterwarnings(
    "ignore:.*AIOKafka:pytest.PytestUnraisableExceptionWarning",
    "ignore:Unclosed AIOKafka:ResourceWarning",
)


@of_a_dead_client
async def test_a_reader_whose_client_died_ends_and_its_successor_goes_on(
    line: Line, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a connection closes under a request: the client only logs it, and reads no more."""
    writer, reader = await start(line.writing()), line.reading()
    await reader.start()
    await until_ready(writer, reader)
    whole, dead = AIOKafkaClient.send, set[AIOKafkaClient]()

    async def die(self: Any, node: Any, request: Any, **more: Any) -> Any:
        if isinstance(request, FetchRequest):
            dead.add(self)
            raise RuntimeError("unable to perform operation; the handler is closed")
        return await whole(self, node, request, **more)

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaClient, "send", die)
        await line.emit(writer, 1)
        await until(lambda: reader.runtime.health.fatal is not None)
    await reader.stop()
    assert reader.runtime.health.exit_code == 75
    for client in dead:
        await client.close()

    await start(line.reading())
    await until_applied(line, [1])
    gc.collect()


@of_a_dead_client
async def test_a_reader_whose_coordination_died_ends_and_its_successor_goes_on(
    line: Line, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same in the task that joins the group: every poll fails from then on, for ever."""
    writer, reader = await start(line.writing()), line.reading()
    await reader.start()
    await until_ready(writer, reader)
    client = reader._subscriptions._parts[0][1].subscriber.consumer
    whole = AIOKafkaClient.send

    async def die(self: Any, node: Any, request: Any, **more: Any) -> Any:
        if self is client._client and "JoinGroup" in type(request).__name__:
            raise RuntimeError("unable to perform operation; the handler is closed")
        return await whole(self, node, request, **more)

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaClient, "send", die)
        client._coordinator.request_rejoin()
        await until(lambda: reader.runtime.health.fatal is not None)
    await reader.stop()
    assert reader.runtime.health.exit_code == 75
    await client._client.close()

    await line.emit(writer, 1)
    await start(line.reading())
    await until_applied(line, [1])


async def test_a_database_that_answers_before_it_keeps_is_refused(line: Line) -> None:
    role = migrate.role_of(line.reader)
    await line.rows(f"ALTER ROLE {role} SET synchronous_commit = 'off'")
    reader = line.reading()
    await reader.start()
    await until(lambda: reader.runtime.health.fatal is not None)
    await reader.stop()
    assert reader.runtime.health.exit_code == 70


async def test_a_topic_with_another_number_of_partitions_is_refused(line: Line) -> None:
    document = yaml.safe_load(line.topics_file.read_text())
    document["defaults"]["partitions"] = 3
    line.topics_file.write_text(yaml.safe_dump(document))
    with pytest.raises(topics.TopicsDiffer, match="1 partitions, not 3"):
        await topics.provision(line.kafka, line.topics_file)


BUSY = "cannot perform operation: another operation is in progress"


def after(before: Exception, error: Exception) -> Exception:
    """As it is raised while the one before is handled."""
    error.__context__ = before
    return error


DOWN = (
    ConnectionRefusedError(),
    TimeoutError(),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.ConnectionFailureError(),
    asyncpg.CannotConnectNowError(),
    asyncpg.AdminShutdownError(),
    asyncpg.CrashShutdownError(),
    asyncpg.TooManyConnectionsError(),
    asyncpg.DiskFullError(),
    asyncpg.OutOfMemoryError(),
    asyncpg.PostgresIOError(),
    asyncpg.SerializationError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.LockNotAvailableError(),
    asyncpg.QueryCanceledError(),
    asyncpg.InternalClientError(),
    asyncpg.InvalidCachedStatementError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    after(asyncpg.InternalClientError(), asyncpg.InterfaceError(BUSY)),
)
MISTAKES = (
    ValueError(),
    asyncpg.UniqueViolationError(),
    asyncpg.UndefinedTableError(),
    asyncpg.UntranslatableCharacterError(),
    asyncpg.InterfaceError("the server expects 1 argument"),
    asyncpg.InterfaceError(BUSY),
    after(asyncpg.UniqueViolationError(), asyncpg.InterfaceError(BUSY)),
    FileNotFoundError(),
)


def test_what_is_down_is_worth_another_try_and_a_mistake_is_not() -> None:
    assert [error for error in DOWN if not is_transient(error)] == []
    assert [error for error in MISTAKES if is_transient(error)] == []


def test_the_versions_are_those_whose_traps_are_known() -> None:
    framework = tuple(int(part) for part in version("faststream").split(".")[:3])
    assert (0, 7, 8) <= framework < (0, 8)
    assert version("aiokafka").startswith("0.14.")


async def _nothing(*_: Any) -> None: ...


def test_no_stream_uses_the_poll_that_sleeps(line: Line) -> None:
    """Ours waits inside the client, which returns with the first record."""
    subscriptions = Subscriptions(Runtime(Service(line.reader, line.settings(line.reader))))
    subscriptions.add(Stream(line.noted.TOPIC, _nothing, ()))
    polls = [vars(subscriber)["get_msg"] for subscriber in subscriptions.broker.subscribers]
    assert [poll.__module__ for poll in polls] == ["service_kit.subscribing"]


def test_a_busy_partition_fetches_little() -> None:
    fetched = [s["max_partition_fetch_bytes"] for s in calls("subscriber") if s]
    assert set(fetched) == {"262144"}


def test_transactions_are_read_committed() -> None:
    texts = "\n".join(SOURCES.values())
    assert "isolation=" not in texts
    assert not re.search(r"REPEATABLE READ|SERIALIZABLE", texts, re.I)


def test_nobody_waits_long_for_a_lock() -> None:
    assert migrate._ROLE_SETTINGS["lock_timeout"] == "2s"
    assert "SET lock_timeout = '2s'" in SOURCES["migrate.py"]


def test_a_message_id_is_a_uuid_of_the_standard_library() -> None:
    assert type(uuid7()) is uuid.UUID
    using = [text for text in SOURCES.values() if "uuid_utils" in text]
    # As a text it is the same, and made five times as fast.
    assert all("uuid_utils.compat" in text or "= str(uuid7())" in text for text in using)
