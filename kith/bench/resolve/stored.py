"""The resolver's handler on a real PostgreSQL, beside the engine that it runs, on the same events.

The people are there before: what is measured is the last part of a stream, in which most who come
have come before. They talk: each of their visits is about twenty messages, as in the bench of the
whole pipeline, and most of these tell nothing new.
"""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from contact_schema.interactions import InteractionAccepted
from contact_schema.observations import FIELD_CLASSES, Observation, ObservedIdentifier
from kith.bench import meters
from kith.bench.resolve.engine import BATCH
from kith.stack import postgres
from merge_resolver.domain import Rules
from merge_resolver.domain.facts import PROOF_NAMES, Observe
from merge_resolver.domain.working import Book
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from merge_resolver.settings import Settings
from service_kit import migrate, topics, tx, watermarks
from service_kit.tx import Received

SERVICE: Final = "merge_resolver"
TOPIC: Final = InteractionAccepted.TOPIC
SPACE: Final = "space_bench"
NOBODY: Final = UUID(int=0)
KNOWN_SHARE: Final = 0.7
"""Of the stream that is there before anything is measured."""
MESSAGES: Final = 6
"""In place of each event of the stream, of which a visit has three and a half."""
APART: Final = 3 * BATCH // MESSAGES
"""Events of the stream between two messages of a visit: three batches."""
MINUTE: Final = 60_000_000
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stored:
    """Events per second of CPU time, of the engine alone and of the process of the handler; and of
    time on the clock, in which the database works too.
    """

    events: int
    engine_per_second: int
    handler_per_second: int
    clock_per_second: int
    database_cpu_seconds: float

    @property
    def ratio(self) -> float:
        return round(self.handler_per_second / self.engine_per_second, 3)


def measure(facts: Sequence[Observe], directory: Path) -> Stored:
    """In this process, which should be one of its own. The server lives in `directory`."""
    place = int(len(facts) * KNOWN_SHARE)
    before, after = facts[:place], list(_talk(facts[place:]))
    gc.freeze()
    gc.disable()
    alone = _engine(before, after)
    server = postgres.start(directory)
    try:
        return asyncio.run(_handler(before, after, server, alone))
    finally:
        server.stop()


def _talk(facts: Sequence[Observe]) -> Iterator[Observe]:
    """A minute for each message; those of one visit are batches apart, so many talk at once."""
    order = sorted(
        (place + number * APART, place, number)
        for place in range(len(facts))
        for number in range(MESSAGES)
    )
    for _, place, number in order:
        fact = facts[place]
        if number:
            fact = replace(fact, id=f"{fact.id}_{number}", t=fact.t + number * MINUTE, fields={})
        yield fact


def _engine(before: Sequence[Observe], after: Sequence[Observe]) -> float:
    """CPU seconds for what comes after."""
    book = Book(SPACE, Rules())
    _take(book, before)
    started = time.process_time()
    _take(book, after)
    return time.process_time() - started


def _take(book: Book, facts: Sequence[Observe]) -> None:
    for start in range(0, len(facts), BATCH):
        touched = {blob for fact in facts[start : start + BATCH] if (blob := book.hear(fact))}
        for blob in touched:
            if blob.into is None:
                blob.current()


async def _handler(
    before: Sequence[Observe], after: Sequence[Observe], server: postgres.Postgres, alone: float
) -> Stored:
    await migrate.provision(server.dsn, [SERVICE], "secret")
    listed = topics.load(Path("deploy/topics.yaml"))
    dsn = migrate.service_dsn(server.dsn, SERVICE, "secret")
    size = int(Settings.model_fields["known_records"].default)
    streams = Streams("secret", lambda _space: Rules(), KnownRecords(size))
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        await _feed(pool, listed, streams, list(_batches(before, 0)))
        await _settle(server)
        batches = list(_batches(after, len(before)))
        at_first = meters.cpu_seconds_of_family(server.pid)
        cpu, clock = time.process_time(), time.monotonic()
        await _feed(pool, listed, streams, batches)
        cpu, clock = time.process_time() - cpu, time.monotonic() - clock
        spent = meters.cpu_seconds_of_family(server.pid) - at_first
    count = len(after)
    return Stored(count, int(count / alone), int(count / cpu), int(count / clock), round(spent, 2))


async def _feed(
    pool: Any, listed: topics.Topics, streams: Streams, batches: Sequence[list[Received[Any]]]
) -> None:
    """As a consumer does with what it has read and understood."""
    for batch in batches:
        async with tx.begin(pool, SERVICE, listed, [SPACE]) as opened:
            marks = await watermarks.lock(opened.connection, TOPIC, [(0, "ingest")])
            assert (marks[0, "ingest"] or 0) < batch[0].sequence
            await streams.on_interactions(batch, opened)
            last = batch[-1]
            moved = watermarks.Moved(last.sequence, last.offset, last.appended_at)
            await watermarks.move(opened.connection, TOPIC, {(0, "ingest"): moved})


async def _settle(server: postgres.Postgres) -> None:
    """So that the planner knows the tables, as it does in a service that runs for a while."""
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("ANALYZE")
    await connection.close()


def _batches(facts: Sequence[Observe], first: int) -> Iterator[list[Received[Any]]]:
    for start in range(0, len(facts), BATCH):
        yield [
            _received(fact, first + start + number)
            for number, fact in enumerate(facts[start : start + BATCH], 1)
        ]


def _received(fact: Observe, sequence: int) -> Received[InteractionAccepted]:
    at = EPOCH + timedelta(microseconds=fact.t)
    observation = Observation(
        fact=fact.id,
        at=at,
        occurred_at=at,
        identifiers=tuple(
            ObservedIdentifier(
                type=one.type, key=one.key, given=one.given, proof=PROOF_NAMES[one.proof]
            )
            for one in fact.told
        ),
        fields=fact.fields,
        field_class=FIELD_CLASSES[fact.field_class - 1],
    )
    body = InteractionAccepted(
        space=SPACE,
        agent="agent_bench",
        event_id=f"event_{sequence}",
        record=fact.record,
        unit=fact.unit,
        claim=None,
        type="message",
        channel="widget",
        conversation=None,
        session=None,
        observation=observation,
    )
    return Received(
        body=body,
        type=InteractionAccepted.__name__,
        version=1,
        space=SPACE,
        message_id=NOBODY,
        producer="ingest",
        sequence=sequence,
        topic=TOPIC,
        partition=0,
        offset=sequence,
        appended_at=at,
        correlation_id="",
        causation_id="",
    )
