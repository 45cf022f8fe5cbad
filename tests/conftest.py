"""Servers for the tests: real ones, from the environment, from containers, or started here."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from kith.stack import kafka as local_kafka
from kith.stack import postgres as local_postgres
from kith.stack.configuration import given_from_outside
from service_kit import migrate, topics
from service_kit.testing import rolled_back
from service_kit.tx import Tx
from tests.conventions.places import ROOT, SERVICES

SECRET = os.environ.get("KITH_SECRET", "a secret of the tests only")
SERVER_FIXTURES = {"postgres", "kafka", "migrated", "database", "tx_of"}
TxOf = Callable[[str], Awaitable[Tx]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


def in_containers() -> bool:
    return os.environ.get("KITH_TEST_BACKEND") == "docker"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An administrator's address of a server with nothing of ours in it that matters."""
    given = given_from_outside().get("postgres")
    if given:
        yield given
    elif in_containers():
        yield from _postgres_container()
    else:
        server = local_postgres.start(tmp_path_factory.mktemp("postgres"))
        try:
            yield server.dsn
        finally:
            server.stop()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a real broker without topics of ours."""
    given = given_from_outside().get("kafka")
    if given:
        yield given
    elif in_containers():
        yield from _kafka_container()
    else:
        broker = local_kafka.start(tmp_path_factory.mktemp("kafka"))
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


@pytest.fixture(scope="session")
def secret() -> str:
    """The deployment secret that roles of the test databases derive from."""
    return SECRET


@pytest.fixture(scope="session")
async def migrated(postgres: str) -> AsyncIterator[str]:
    """Name of a template database with all six services as the migrations leave them."""
    name = f"kith_template_{uuid4().hex[:12]}"
    await _administer(postgres, f"CREATE DATABASE {name}")
    try:
        await migrate.provision(at(postgres, name), SERVICES, SECRET)
        yield name
    finally:
        await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(postgres: str, migrated: str) -> AsyncIterator[str]:
    """An administrator's address of a database of this test's own."""
    name = f"kith_test_{uuid4().hex[:12]}"
    await _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {migrated}")
    try:
        yield at(postgres, name)
    finally:
        await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def rolled_back_database(postgres: str, migrated: str) -> AsyncIterator[str]:
    """Where nothing is ever committed. Not the template: that may have no visitors."""
    name = f"kith_rolled_back_{uuid4().hex[:12]}"
    await _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {migrated}")
    try:
        yield at(postgres, name)
    finally:
        await _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def tx_of(rolled_back_database: str) -> AsyncIterator[TxOf]:
    """`await tx_of("ingest")`: a Tx as that service's role, rolled back at the end of the test."""
    listed = topics.load(ROOT / "deploy" / "topics.yaml")
    async with AsyncExitStack() as stack:

        async def open_tx(service: str) -> Tx:
            dsn = migrate.service_dsn(rolled_back_database, service, SECRET)
            return await stack.enter_async_context(rolled_back(dsn, service, listed))

        yield open_tx


def at(dsn: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


async def _administer(dsn: str, statement: str) -> None:
    """CREATE DATABASE refuses a template that somebody is just leaving: ask again."""
    connection = await asyncpg.connect(dsn)
    try:
        for _ in range(50):
            try:
                await connection.execute(statement)
                return
            except asyncpg.ObjectInUseError:
                await asyncio.sleep(0.05)
        await connection.execute(statement)
    finally:
        await connection.close()


def _postgres_container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer("postgres:18", driver=None) as container:
        yield container.get_connection_url()


def _kafka_container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    from kith.stack import ports

    port = ports.pick(None)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "CLIENT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"CLIENT://localhost:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "CLIENT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    container = DockerContainer("apache/kafka:4.3.1").with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container:
        _await_broker(f"localhost:{port}")
        yield f"localhost:{port}"


def _await_broker(bootstrap: str) -> None:
    async def ask() -> None:
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.errors import KafkaError

        for _ in range(360):
            client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
            try:
                await client.start()
                await client.describe_cluster()
                return
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)
            finally:
                await client.close()
        raise TimeoutError(f"no broker at {bootstrap}")

    asyncio.run(ask())


def pytest_configure(config: pytest.Config) -> None:
    """The kit finds deploy/topics.yaml from the root, wherever the tests are started."""
    os.chdir(Path(config.rootpath))
