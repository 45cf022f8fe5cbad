"""One stream of a service: a batch comes in, one transaction comes of it."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import structlog

from contact_schema.envelope import Message
from service_kit import dead_letters, metrics, watermarks
from service_kit.accounting import OTHERS, Account, Fates
from service_kit.dead_letters import Letter, Raw
from service_kit.decoding import Head, Reader, Unreadable, read_foreign_head, read_head
from service_kit.outcomes import Retry, Stop, is_transient
from service_kit.progress import Progress
from service_kit.refills import RefillRequested
from service_kit.topics import group_of
from service_kit.tx import Received, Tx
from service_kit.watermarks import Source

if TYPE_CHECKING:
    from service_kit.service import Runtime, Stream

_log = structlog.get_logger()
_WINDOW, _MOST_DEAD = 100, 20
_ASK_AGAIN = 10.0


class BatchReturned(Exception):
    """The batch was rolled back and is to be delivered again."""


class Consumer:
    """What FastStream calls. Its state is a memory of this process only, never the truth."""

    def __init__(self, stream: "Stream", runtime: "Runtime") -> None:
        self.stream = stream
        self.topic = runtime.topics[stream.topic]
        self.group = group_of(runtime.name, stream.topic)
        self.reader = Reader(stream.messages)
        self.idle = asyncio.Event()
        self.idle.set()
        self.interrupted = asyncio.Event()
        self.retrying: str | None = None
        self.progress = Progress()
        self._runtime = runtime
        self._written: dict[Source, int] = {}
        self._asked: dict[Source, tuple[int, float]] = {}
        self._fates: deque[bool] = deque(maxlen=_WINDOW)
        self._backoff = 0.0
        self._account = Account(self.group, self.topic, runtime.name)

    async def on_batch(self, records: Any) -> None:
        """Raises BatchReturned, so that the positions are set back and nothing is committed."""
        self.idle.clear()
        try:
            raws = [
                Raw(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
                for r in records
            ]
            self.progress.begin(raws)
            await self._try(raws)
        finally:
            self.progress.end()
            self.idle.set()

    def forget(self) -> None:
        """The partitions may be somebody else's by now."""
        self._written.clear()
        self._asked.clear()
        if self.stream.forget is not None:
            self.stream.forget()

    def report(self) -> dict[str, Any]:
        """For /readyz: ids and numbers only."""
        return {
            "topic": self.topic.name,
            "group": self.group,
            "lag_messages": self.progress.lag,
            "lag_seconds": self.progress.seconds(time.time()),
            "retrying": self.retrying,
        }

    async def _try(self, raws: Sequence[Raw]) -> None:
        started = time.monotonic()
        try:
            await self._apply(raws)
        except Retry as retry:
            await self._wait_before_retry(retry.slug)
        except Exception as error:
            if not is_transient(error):
                slug = error.slug if isinstance(error, Stop) else type(error).__name__
                self._runtime.stop(f"{self.group}: {slug}", error)
                raise BatchReturned(slug) from None
            await self._wait_before_retry("unavailable", type(error).__name__)
        else:
            self._backoff = 0.0
            self._tell_retry(None)
            metrics.observe("batch.seconds", time.monotonic() - started, stream=self.group)
            metrics.observe("batch.messages", len(raws), stream=self.group)

    async def _wait_before_retry(self, slug: str, error: str = "") -> None:
        self._backoff = min(10.0, self._backoff * 2 or 0.1)
        self._tell_retry(slug)
        metrics.count("batches.retried", stream=self.group, slug=slug)
        _log.warning("batch.retried", group=self.group, slug=slug, error=error, wait=self._backoff)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.interrupted.wait(), self._backoff)
        raise BatchReturned(slug) from None

    def _tell_retry(self, slug: str | None) -> None:
        self.retrying = slug
        note = None if slug is None else f"{self.group} waits: {slug}"
        self._runtime.health.note(f"retry:{self.group}", note)

    async def _apply(self, raws: Sequence[Raw]) -> None:
        items, letters = self._read_heads(raws)
        async with self._runtime.transaction(group=self.group) as tx:
            sifted = await self._sift(tx, items)
            received, ignored = self._read_bodies(sifted.kept, letters)
            if received:
                await tx.name_spaces({r.space for r in received})
                await self.stream.handler(received, tx)
            fates = self._judge(received, len(letters), sifted.repeated, tx)
            await watermarks.move(tx.connection, self.topic.name, sifted.moved)
            if letters:
                await tx.add_dead_letters(letters)
            requests = self._refills(sifted.gaps)
            tx.emit(*requests)
        self._fates.extend(fates)
        self._written |= {source: m.sequence for source, m in sifted.moved.items()}
        self._account.settle(Fates(len(raws), received, letters, ignored, sifted), tx)
        self._tell_gaps(sifted)

    def _read_heads(self, raws: Sequence[Raw]) -> tuple[list[tuple[Raw, Head]], list[Letter]]:
        items, letters = [], []
        for raw in raws:
            try:
                if self.stream.trusted_sequences:
                    items.append((raw, read_head(raw)))
                else:
                    items.append((raw, read_foreign_head(raw, self.reader.only)))
            except Unreadable as unreadable:
                letters.append(dead_letters.letter(raw, "unknown", unreadable.slug))
        return items, letters

    async def _sift(self, tx: Tx, items: Sequence[tuple[Raw, Head]]) -> watermarks.Sifted:
        if not self.stream.trusted_sequences:
            return watermarks.Sifted(kept=list(items))
        sources = {(raw.partition, head.producer) for raw, head in items}
        marks = await watermarks.lock(tx.connection, self.topic.name, sources) if sources else {}
        overtaken = [s for s in sources if s in self._written and marks[s] != self._written[s]]
        if overtaken:
            metrics.count("consumer.overtaken", stream=self.group)
            _log.warning("consumer.overtaken", group=self.group, sources=len(overtaken))
            self.forget()
        return watermarks.sift(items, marks, with_gaps=not self.topic.compacted)

    def _read_bodies(
        self, kept: Sequence[tuple[Raw, Head]], letters: list[Letter]
    ) -> tuple[list[Received[Message]], Counter[str]]:
        received: list[Received[Message]] = []
        ignored: Counter[str] = Counter()
        for raw, head in kept:
            if head.group and head.group != self.group:
                ignored[OTHERS] += 1
                continue
            if not self.reader.takes(head):
                ignored[head.type if head.type in self.topic.messages else "unknown"] += 1
                continue
            try:
                received.append(self.reader.read(head, raw))
            except Unreadable as unreadable:
                letters.append(dead_letters.letter(raw, head.type, unreadable.slug))
        return received, ignored

    def _judge(
        self, received: Sequence[Received[Any]], letters: int, repeated: int, tx: Tx
    ) -> list[bool]:
        """Bad code must not drain a topic into the dead letters. Strangers may write anything.

        Repeats count as good: a topic that is read again brings all its old letters with it.
        """
        if not self.stream.trusted_sequences:
            return []
        rejected = len(tx.rejected)
        fates = [False] * (len(received) - rejected + repeated) + [True] * (letters + rejected)
        if len(fates) > _WINDOW:
            # Their order is not kept: as many of the window as of the whole batch.
            dead = sum(fates) * _WINDOW // len(fates)
            fates = [False] * (_WINDOW - dead) + [True] * dead
        if sum([*self._fates, *fates][-_WINDOW:]) > _MOST_DEAD:
            raise Stop("too-many-dead-letters")
        return fates

    def _refills(self, gaps: dict[Source, int]) -> list[RefillRequested]:
        """One request for each gap, again after a while if it is still there."""
        requests = []
        now = time.monotonic()
        for source, first in gaps.items():
            asked = self._asked.get(source)
            if asked is None or asked[0] != first or now - asked[1] > _ASK_AGAIN:
                self._asked[source] = (first, now)
                partition, producer = source
                requests.append(
                    RefillRequested(
                        producer=producer,
                        topic=self.topic.name,
                        partition=partition,
                        from_sequence=first,
                    )
                )
                _log.error(
                    "gap.found",
                    group=self.group,
                    partition=partition,
                    producer=producer,
                    first=first,
                )
        return requests

    def _tell_gaps(self, sifted: watermarks.Sifted) -> None:
        for source in sifted.moved.keys() - sifted.gaps.keys():
            self._asked.pop(source, None)
        missing = f"{self.group} misses messages; a refill is asked for" if self._asked else None
        self._runtime.health.note(f"gap:{self.group}", missing)
