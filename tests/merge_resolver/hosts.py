"""Where the resolver runs in a test of deliveries: its handlers alone, or the whole process.

Both take what is sent in order, in batches of one stream, crash, and start over from the beginning.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple, Protocol

import contact_schema.changes
from contact_schema.envelope import Message
from merge_resolver.sweeping import sweep_some
from service_kit import testing
from service_kit.packing import Packed
from tests.merge_resolver.engine import Engine

CHANGES = "contacts.changes.v1"


class Told(NamedTuple):
    """A message on the topic of changes."""

    sequence: int
    previous: int
    partition: int
    space: str
    message: Message


class Waiting:
    """Work of a loop, awaited in another thread: where a test decides step by step."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def __call__(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Host(Protocol):
    def send(self, messages: Sequence[Message]) -> None: ...

    def crash(self) -> None:
        """In the middle of what was sent last, where there is a middle."""

    def start_over(self, *, unmarked: bool) -> None:
        """All that was ever sent comes again; ``unmarked``: nor is it known how far it was read."""

    def rest(self, space: str) -> None:
        """Until all that was sent is through."""

    def fetch(self, statement: str, *values: Any) -> list[Any]: ...

    def told(self) -> list[Told]:
        """All that was told of contacts, in order."""

    def close(self) -> None: ...


def read(packed: Packed, partition: int) -> Told:
    kind: type[Message] = getattr(contact_schema.changes, packed.headers["type"])
    message = kind.model_validate_json(packed.body)
    return Told(packed.sequence, packed.previous, partition, packed.headers["space"], message)


def runs(messages: Sequence[Message]) -> list[list[Message]]:
    """Neighbours of one stream: what one batch may hold."""
    found: list[list[Message]] = []
    for one in messages:
        if not found or found[-1][0].TOPIC != one.TOPIC:
            found.append([])
        found[-1].append(one)
    return found


class Handlers:
    """In one transaction that is never committed. A crash undoes the batch in hand."""

    def __init__(self, engine: Engine, run: Waiting, most: int) -> None:
        self._engine, self._run, self._most = engine, run, most
        self._log: list[Message] = []
        self._crashing = False
        self._savepoint = engine.tx.connection.transaction()
        run(self._savepoint.start())

    def close(self) -> None:
        self._run(self._savepoint.rollback())
        self._engine.streams.known.forget()
        self._drop(0)

    def send(self, messages: Sequence[Message]) -> None:
        for run in runs(messages):
            self._deliver(run)
        self._log += messages

    def _deliver(self, run: Sequence[Message]) -> None:
        for start in range(0, len(run), self._most):
            batch = run[start : start + self._most]
            if self._crashing:
                self._run(self._lose(batch))
                self._crashing = False
            self._run(self._engine.take(*batch))

    def crash(self) -> None:
        """In the next batch. What the process remembers of records is as the commits left it."""
        self._crashing = True

    async def _lose(self, batch: Sequence[Message]) -> None:
        before = len(self._engine.tx.emitted)
        transaction = self._engine.tx.connection.transaction()
        await transaction.start()
        await self._engine.handle(batch)
        await transaction.rollback()
        self._drop(before)

    def _drop(self, before: int) -> None:
        tx = self._engine.tx
        del tx.emitted[before:]
        for waiting in (tx._outgoing, tx._sequencing, tx._committed):
            waiting.clear()

    def start_over(self, *, unmarked: bool) -> None:
        self._engine.streams.known.forget()
        if unmarked:
            for run in runs(self._log):
                self._deliver(run)

    def rest(self, space: str) -> None:
        for row in self.fetch(
            "SELECT changed_at FROM merge_resolver.spaces"
            " WHERE space = $1 AND swept_to IS NOT NULL",
            space,
        ):
            self._run(self._sweep(space, row["changed_at"]))

    async def _sweep(self, space: str, changed_at: int) -> None:
        engine = self._engine
        while await sweep_some(engine.tx, engine.streams, space, changed_at, blobs=2):
            await engine.commit()
        await engine.commit()

    def fetch(self, statement: str, *values: Any) -> list[Any]:
        rows: list[Any] = self._run(self._fetch(statement, *values))
        return rows

    async def _fetch(self, statement: str, *values: Any) -> Any:
        return await self._engine.tx.connection.fetch(statement, *values)

    def told(self) -> list[Told]:
        topic = self._engine.tx._topics[CHANGES]
        packed = self._run(testing.written(self._engine.tx.connection, topic=CHANGES))
        return [read(one, topic.partition_of(one.key)) for one in packed]
