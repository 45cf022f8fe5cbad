from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import UnknownTopicOrPartitionError

from kith.stack import kafka
from kith.stack.processes import started_at

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kafka")


@pytest.fixture(scope="module")
def broker(home: Path) -> Iterator[kafka.Kafka]:
    running = kafka.start(home)
    yield running
    running.stop()


async def test_a_record_survives_a_restart_of_the_broker(tmp_path: Path) -> None:
    first = kafka.start(tmp_path)
    await _create(first, "kept")
    async with AIOKafkaProducer(bootstrap_servers=first.bootstrap, acks="all") as producer:
        await producer.send_and_wait("kept", b"value", partition=0)
    first.stop()
    assert started_at(first.pid) is None

    again = kafka.start(tmp_path)
    async with AIOKafkaConsumer(
        "kept", bootstrap_servers=again.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        assert (await consumer.getone()).value == b"value"
    again.stop()


async def test_a_topic_nobody_declared_does_not_appear(broker: kafka.Kafka) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap, request_timeout_ms=2000
    ) as producer:
        with pytest.raises(UnknownTopicOrPartitionError):
            await producer.send_and_wait("undeclared", b"value")


async def test_times_of_records_are_the_brokers(broker: kafka.Kafka) -> None:
    await _create(broker, "timed")
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
        sent = await producer.send_and_wait("timed", b"value", partition=0, timestamp_ms=1)
    assert sent.timestamp_type == 1
    assert sent.timestamp > 1


def test_it_listens_on_loopback_only(broker: kafka.Kafka, home: Path) -> None:
    settings = (home / "server.properties").read_text()
    listeners = [line for line in settings.splitlines() if "listeners=" in line]
    assert listeners
    assert all("://127.0.0.1:" in address for line in listeners for address in line.split(","))


async def _create(broker: kafka.Kafka, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
