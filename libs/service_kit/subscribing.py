"""FastStream's subscribers, set so that nothing is lost: one batch subscriber and group a topic."""

import asyncio
import logging as stdlib_logging
from itertools import chain
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from service_kit.assignment import Assignments, prime
from service_kit.consumer import BatchReturned, Consumer

if TYPE_CHECKING:
    from service_kit.service import Runtime, Stream

_log = structlog.get_logger()

REQUEST_TIMEOUT_MS = 40_000
REBALANCE_TIMEOUT_MS = 30_000
"""A join must end before its request does, and a running batch before the join."""
GRACEFUL_SECONDS = 20
_IDLE_MS = 1_000
METADATA_MAX_AGE_MS = 5_000
"""How soon a topic that was made anew is found again."""


class _Brief(stdlib_logging.Logger):
    """FastStream tells each returned batch with a traceback; the kit has said why in one line."""

    def isEnabledFor(self, level: int) -> bool:
        return level >= stdlib_logging.ERROR

    def handle(self, record: stdlib_logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, BatchReturned):
            _log.warning("client.failed", error=type(error).__name__ if error else "")


class Subscriptions:
    """All streams of one service."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime
        self.broker = KafkaBroker(
            runtime.settings.kafka_bootstrap,
            apply_types=False,
            graceful_timeout=GRACEFUL_SECONDS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            allow_auto_create_topics=False,
            logger=_Brief("faststream.kit"),
            log_level=stdlib_logging.DEBUG,
        )
        self._parts: list[tuple[Consumer, Assignments]] = []
        self._watches: list[asyncio.Task[None]] = []

    def add(self, stream: "Stream") -> None:
        """Before `start`."""
        consumer = Consumer(stream, self._runtime)
        assignments = Assignments(consumer, self._runtime)
        subscriber: Any = self.broker.subscriber(
            stream.topic,
            group_id=consumer.group,
            batch=True,
            max_records=self._runtime.settings.batch_max_records,
            auto_offset_reset="none",
            isolation_level="read_committed",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            no_reply=True,
            parser=_raw_parser(assignments),
            decoder=_raw_decoder,
            listener=assignments,
            session_timeout_ms=self._runtime.settings.session_timeout_ms,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            max_partition_fetch_bytes=262_144,
        )
        subscriber(consumer.on_batch)
        subscriber.get_msg = _as_soon_as_there_is_one(self._runtime.settings.batch_max_records)
        assignments.subscriber = subscriber
        self._parts.append((consumer, assignments))
        self._runtime.consumers.append(consumer)
        self._runtime.health.unready(f"group:{consumer.group}", f"{consumer.group} joins")

    async def start(self) -> None:
        """Waits until the broker answers and every group has its start offsets."""
        settings = self._runtime.settings
        while True:
            try:
                await asyncio.gather(
                    *(
                        prime(settings.kafka_bootstrap, c.group, c.topic.name, c.topic.partitions)
                        for c, _ in self._parts
                    )
                )
                break
            except (KafkaError, OSError) as error:
                self._runtime.health.unready("kafka", f"broker: {type(error).__name__}")
                _log.warning("broker.awaited", error=type(error).__name__)
                await asyncio.sleep(0.5)
        self._runtime.health.ready("kafka")
        await self.broker.start()
        self._watches = [asyncio.create_task(a.watch()) for _, a in self._parts]

    async def stop(self) -> None:
        """The batch at hand ends or rolls back before this returns."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for consumer, _ in self._parts:
            consumer.interrupted.set()
        await self.broker.stop()
        await asyncio.gather(*(consumer.idle.wait() for consumer, _ in self._parts))


def _as_soon_as_there_is_one(most: int) -> Any:
    """Instead of FastStream's poll, which sleeps after an empty one, as long as it had waited.

    So an idle stream either wakes up a hundred times a second or is that late. This one is woken by
    the first record, and otherwise by the seconds.
    """

    async def get_msg(consumer: Any) -> tuple[Any, ...]:
        found = await consumer.getmany(timeout_ms=_IDLE_MS, max_records=most)
        return tuple(chain.from_iterable(found.values()))

    return get_msg


def _raw_parser(assignments: Assignments) -> Any:
    """Decodes nothing, so nothing in a record can make it fail."""

    async def parse(records: Any) -> KafkaAckableMessage:
        first = records[0]
        return KafkaAckableMessage(
            raw_message=records,
            body=b"",
            headers={},
            message_id=f"{first.topic}/{first.partition}/{first.offset}",
            correlation_id="-",
            consumer=assignments.subscriber.consumer,
        )

    return parse


async def _raw_decoder(message: Any) -> Any:
    return message.raw_message
