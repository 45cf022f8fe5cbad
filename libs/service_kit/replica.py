"""A compacted topic, whole, in this process's memory: each key's newest value."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter, ValidationError

from contact_schema.envelope import Message
from service_kit.topics import Topics

M = TypeVar("M", bound=Message)

_log = structlog.get_logger()


class Replica(Generic[M]):
    """`Replica(AgentSettings)`: read to the end before the service is ready, then followed.

    Readers never wait: `get` answers from memory. An unreadable value leaves the one before.
    """

    def __init__(self, message: type[M]) -> None:
        self.message = message
        self.topic = message.TOPIC
        self.complete = asyncio.Event()
        self.version = 0
        """Rises with every change, for caches that depend on it."""
        self._values: dict[str, M] = {}
        self._adapter: TypeAdapter[M] = TypeAdapter(message)
        self._listeners: list[Callable[[str, M | None], None]] = []

    def get(self, key: str) -> M | None:
        return self._values.get(key)

    def values(self) -> Sequence[M]:
        return tuple(self._values.values())

    def on_change(self, listener: Callable[[str, M | None], None]) -> None:
        """Called with the key and its new value, None when it is gone."""
        self._listeners.append(listener)

    def put(self, key: str, value: M | None) -> None:
        """Take a change. For tests too: a replica without a broker is filled by hand."""
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        self.version += 1
        for listener in self._listeners:
            listener(key, value)

    async def follow(self, bootstrap: str, topics: Topics) -> None:
        """Runs for as long as the process. What is down is waited for; the values stay."""
        while True:
            try:
                await self._read(bootstrap, topics[self.topic].partitions)
            except (KafkaError, OSError, TimeoutError) as error:
                _log.warning("replica.failed", topic=self.topic, error=type(error).__name__)
                await asyncio.sleep(0.5)

    async def _read(self, bootstrap: str, partitions: int) -> None:
        """From the beginning each time, so that nothing depends on where it was."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            mine = [TopicPartition(self.topic, p) for p in range(partitions)]
            consumer.assign(mine)
            await consumer.seek_to_beginning(*mine)
            ends = await consumer.end_offsets(mine)
            while True:
                if not self.complete.is_set() and await _at(consumer, ends):
                    self.complete.set()
                    _log.info("replica.completed", topic=self.topic, keys=len(self._values))
                wait = 1000 if self.complete.is_set() else 100
                batches = await consumer.getmany(timeout_ms=wait)
                for records in batches.values():
                    for record in records:
                        self._take(record)
        finally:
            await consumer.stop()

    def _take(self, record: Any) -> None:
        try:
            key = (record.key or b"").decode()
            value = None if record.value is None else self._adapter.validate_json(record.value)
        except (UnicodeDecodeError, ValidationError):
            _log.error("replica.unreadable", topic=self.topic, offset=record.offset)
            return
        if value != self._values.get(key):
            self.put(key, value)


async def _at(consumer: Any, ends: dict[TopicPartition, int]) -> bool:
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return False
    return True
