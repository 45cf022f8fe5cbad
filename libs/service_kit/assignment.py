"""Where a group reads: decided here, never by a client's default, which would skip records."""

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from service_kit import metrics
from service_kit.consumer import Consumer
from service_kit.health import STUCK

if TYPE_CHECKING:
    from service_kit.service import Runtime

_log = structlog.get_logger()
_STUCK_SECONDS = 300.0
_BATCH_PATIENCE = 25.0
_TRIES = 5


async def prime(
    bootstrap: str, group: str, topic: str, partitions: int, *, anew: bool = False
) -> None:
    """Commit the beginning for partitions that have no committed offset yet, or `anew` for all.

    A group with members refuses it: then a copy of this service is at it, or was killed lately.
    For a first start that is well, it only saves the client's first poll from failing: whoever is
    assigned a partition without an offset begins at its first record. Only `anew` insists, and
    raises TimeoutError.
    """
    mine = [TopicPartition(topic, p) for p in range(partitions)]
    for attempt in range(60):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
        )
        try:
            await consumer.start()
            consumer.assign(mine)
            new = [tp for tp in mine if anew or await consumer.committed(tp) is None]
            if not new:
                return
            beginnings = await consumer.beginning_offsets(new)
            await consumer.commit(dict(beginnings))
            return
        except CommitFailedError:
            if attempt >= _TRIES and not anew:
                _log.info("group.not_primed", group=group)
                return
            await asyncio.sleep(min(2.0, 0.1 * (attempt + 1)))
        except KafkaError as error:
            _log.info("group.not_primed", group=group, error=type(error).__name__)
            await asyncio.sleep(min(2.0, 0.1 * (attempt + 1)))
        finally:
            await consumer.stop()
    raise TimeoutError(f"{group} could not be given start offsets")


class Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # published without types
    """On revoke, the running batch is waited for; on assignment, the start is checked first."""

    def __init__(self, consumer: Consumer, runtime: "Runtime") -> None:
        self.assigned = False
        self.subscriber: Any = None
        self._consumer = consumer
        self._runtime = runtime
        self._progress: dict[TopicPartition, tuple[int, float]] = {}

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._consumer.interrupted.set()
        if hasattr(self.subscriber.lock, "wait_release"):
            await self.subscriber.lock.wait_release(_BATCH_PATIENCE)
        self._consumer.forget()
        self._progress.clear()
        metrics.count("consumer.rebalanced", stream=self._consumer.group)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._consumer.interrupted.clear()
        client, mine = self.subscriber.consumer, list(assigned)
        client.pause(*mine)
        for attempt in range(10):
            try:
                await self._start_right(client, mine)
                break
            except KafkaError as error:
                _log.warning("assignment.retried", error=type(error).__name__)
                await asyncio.sleep(0.2 * (attempt + 1))
        else:
            self._runtime.stop(f"{self._consumer.group}: start offsets unknown")
            return
        client.resume(*mine)
        self.assigned = True
        self._runtime.health.ready(f"group:{self._consumer.group}")

    async def _start_right(self, client: Any, mine: list[TopicPartition]) -> None:
        if not mine:
            return
        firsts = await client.beginning_offsets(mine)
        ends = await client.end_offsets(mine)
        for tp in mine:
            committed = await client.committed(tp)
            if committed is None:
                client.seek(tp, firsts[tp])
            elif committed > ends[tp]:
                self._tell_cut(tp)
                client.seek(tp, firsts[tp])
            elif committed < firsts[tp]:
                self._runtime.stop(
                    f"{self._consumer.group}: records {committed} to {firsts[tp] - 1} of partition"
                    f" {tp.partition} expired unread"
                )

    def _tell_cut(self, tp: TopicPartition) -> None:
        _log.error("log.was_cut", topic=tp.topic, partition=tp.partition)

    async def watch(self) -> None:
        """Lag, and what the client itself would never notice: a re-created log, a stuck fetcher."""
        while True:
            await asyncio.sleep(self._runtime.settings.watch_seconds)
            client = self.subscriber.consumer
            if client is None or not self.assigned:
                continue
            if _has_died(client):
                self._runtime.stop(f"{self._consumer.group}: fetching ended", code=STUCK)
                return
            try:
                await self._look(client)
            except KafkaError as error:
                _log.info("lag.unknown", group=self._consumer.group, error=type(error).__name__)
            except AssertionError:
                continue  # the client refuses a partition that was taken away just now

    async def _look(self, client: Any) -> None:
        mine = list(client.assignment())
        ends = await client.end_offsets(mine) if mine else {}
        now, places = asyncio.get_running_loop().time(), {}
        for tp, end in ends.items():
            position = await client.position(tp)
            if position > end:
                self._tell_cut(tp)
                client.seek(tp, 0)
                self._consumer.forget()
                continue
            places[tp.partition] = (position, end)
            before = self._progress.get(tp)
            if before is None or before[0] != position or position == end:
                self._progress[tp] = (position, now)
            elif now - before[1] > _STUCK_SECONDS and self._consumer.retrying is None:
                self._runtime.stop(f"{self._consumer.group}: no progress", code=STUCK)
        progress, stream = self._consumer.progress, self._consumer.group
        progress.measure(places, time.time())
        metrics.gauge("stream.lag_seconds", progress.seconds(time.time()), stream=stream)
        metrics.gauge("stream.lag_messages", progress.lag, stream=stream)


def _has_died(client: Any) -> bool:
    """Its own task of fetching ended: it will never get a record again, and only logged why.

    A write to a connection that is just closing is such an end; uvloop raises RuntimeError there,
    which the client takes for no error of the network.
    """
    return bool(client._fetcher.error_future.done())
