"""Sends outbox rows to the broker: in order, one record batch a partition, each acknowledged."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from service_kit.packing import Packed, unpack

_PATIENCE = 30.0
_BATCH_BYTES = 262_144
_LOOK_BACK = 2_000
"""Records of each partition that are looked at, at most, when a relay begins."""

Place = tuple[str, int]
"""Topic and partition."""


@dataclass
class Round:
    """What came of one round. `last_offsets` are those the broker acknowledged."""

    acknowledged: dict[Place, int] = field(default_factory=dict)
    """Last sequence acknowledged in each partition."""
    last_offsets: dict[Place, int] = field(default_factory=dict)
    sent: int = 0
    """Messages that were acknowledged."""
    failure: BaseException | None = None


class Sender:
    """One producer of its own. After any failure it is abandoned and a new one made."""

    def __init__(self, bootstrap: str, service: str) -> None:
        self._bootstrap = bootstrap
        self._service = service.encode()
        self._producer: Any = None
        self._probe: Any = None

    async def start(self) -> None:
        # Sequences of our own do the work of Kafka's idempotence, whose producer stays poisoned
        # after one refusal and never times out.
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=False,
            linger_ms=0,
            max_batch_size=_BATCH_BYTES,
            compression_type="zstd",
            request_timeout_ms=15_000,
        )
        await self._producer.start()
        self._probe = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        await self._probe.start()

    async def stop(self) -> None:
        """Never hangs: a client without its broker may wait for ever."""
        for client in (self._producer, self._probe):
            if client is not None:
                try:
                    await asyncio.wait_for(asyncio.shield(client.stop()), 5)
                except Exception:  # abandoned: what it still held is sent again from the mark
                    continue
        self._producer = self._probe = None

    async def log_ends(self, places: Sequence[Place]) -> dict[Place, int]:
        """Offset of the next record of each partition."""
        partitions = [TopicPartition(*place) for place in places]
        ends = await asyncio.wait_for(self._probe.end_offsets(partitions), _PATIENCE)
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    async def newest_own_sequence(
        self, since: Mapping[Place, int], look_back: int | None = _LOOK_BACK
    ) -> int:
        """Highest sequence of this service found behind these offsets; 0 if there is none.

        Of each partition the last `look_back` records are looked at, or all.
        """
        ends = await self.log_ends(list(since))
        behind = {p: end for p, end in ends.items() if end > since[p] + 1}
        if look_back is not None:
            since = {p: max(since[p], end - look_back - 1) for p, end in behind.items()}
        return await self._newest_behind(since, behind) if behind else 0

    async def _newest_behind(self, since: Mapping[Place, int], behind: dict[Place, int]) -> int:
        """A reader of its own: the probe must not begin to fetch."""
        reader = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        newest = 0
        try:
            await reader.start()
            reader.assign([TopicPartition(*place) for place in behind])
            firsts = await reader.beginning_offsets([TopicPartition(*place) for place in behind])
            for place in behind:
                partition = TopicPartition(*place)
                reader.seek(partition, max(since[place] + 1, firsts[partition]))
            while behind:
                batches = await reader.getmany(timeout_ms=200)
                for record in (record for records in batches.values() for record in records):
                    headers = dict(record.headers)
                    if headers.get("producer") == self._service:
                        newest = max(newest, int(headers["sequence"] or 0))
                for place, end in list(behind.items()):
                    if await reader.position(TopicPartition(*place)) >= end:
                        del behind[place]
        finally:
            await reader.stop()
        return newest

    async def send(self, rows: Sequence[Any], *, after: int, done: Mapping[Place, int]) -> Round:
        """Send in order what is behind `after` and behind what is `done` in its partition.

        What does not fit into its partition's batch waits.
        """
        pending: dict[Place, tuple[Any, int]] = {}
        full: set[Place] = set()
        for row in rows:
            place = (row["topic"], row["partition"])
            known = max(after, done.get(place, 0))
            if place in full or row["last_seq"] <= known:
                continue
            batch, _ = pending.get(place) or (self._producer.create_batch(), 0)
            for message in unpack(row):
                if message.sequence <= known:
                    continue
                if not self._append(batch, message):
                    full.add(place)
                    break
                pending[place] = (batch, message.sequence)
        for batch, _ in pending.values():
            batch.close()
        return await self._acknowledged(pending)

    def _append(self, batch: Any, message: Packed) -> bool:
        """False when the batch is full. An empty one takes whatever the outbox takes."""
        headers = headers_of(message, self._service)
        taken = batch.append(timestamp=None, key=message.key, value=message.body, headers=headers)
        return taken is not None

    async def _acknowledged(self, pending: dict[Place, tuple[Any, int]]) -> Round:
        result = Round()

        async def send(place: Place, batch: Any) -> Any:
            future = await self._producer.send_batch(batch, place[0], partition=place[1])
            return await future

        sends = [send(place, batch) for place, (batch, _) in pending.items()]
        answers = await asyncio.wait_for(asyncio.gather(*sends, return_exceptions=True), _PATIENCE)
        for (place, (batch, last)), answer in zip(pending.items(), answers, strict=True):
            if isinstance(answer, BaseException):
                result.failure = answer
            else:
                result.acknowledged[place] = last
                result.sent += batch.record_count()
                result.last_offsets[place] = answer.offset + batch.record_count() - 1
        return result


def headers_of(message: Packed, service: bytes) -> list[tuple[str, bytes]]:
    """What a message says in its headers, and who it is in which place."""
    headers = [(name, value.encode()) for name, value in message.headers.items()]
    headers.append(("producer", service))
    headers.append(("sequence", b"%d" % message.sequence))
    headers.append(("previous", b"%d" % message.previous))
    return headers
