"""One transaction of a service: rows, the messages that follow, and refusals, all or nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg

from contact_schema.envelope import Message
from service_kit import dead_letters, outbox
from service_kit.outbox import Outgoing
from service_kit.queries import QUERIES
from service_kit.sql import Query
from service_kit.topics import Topics

M_co = TypeVar("M_co", bound=Message, covariant=True)

Sequenced = Sequence[tuple[Message, int]]


@dataclass(frozen=True)
class Received(Generic[M_co]):
    """A message as it came. Its repr shows ids, never the body."""

    body: M_co = field(repr=False)
    type: str
    version: int
    space: str
    message_id: UUID
    producer: str
    sequence: int
    topic: str
    partition: int
    offset: int
    appended_at: datetime
    """When the broker appended it (UTC)."""
    correlation_id: str
    causation_id: str
    raw: dead_letters.Raw | None = field(default=None, repr=False, compare=False)


Batch = Sequence[Received[Any]]
"""Messages of one topic in order; of several partitions, each in its own order."""


class Tx:
    """Handed to handlers and routes, which never commit: whoever made it does, once."""

    def __init__(self, connection: Any, service: str, topics: Topics, group: str = "") -> None:
        self.connection = connection
        self.service = service
        self.emitted: list[Message] = []
        self.rejected: list[tuple[Received[Any], str]] = []
        self.suppressed: list[Received[Any]] = []
        self._topics = topics
        self._group = group
        self._outgoing: list[Outgoing] = []
        self._sequencing: list[Callable[[Tx, Sequenced], Awaitable[None]]] = []
        self._committed: list[Callable[[], None]] = []
        self._spaces: set[str] = set()
        self.wrote_messages = False

    async def fetch(self, query: Query, *args: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.connection.fetch(query.text, *args)
        return rows

    async def fetchrow(self, query: Query, *args: Any) -> asyncpg.Record | None:
        row: asyncpg.Record | None = await self.connection.fetchrow(query.text, *args)
        return row

    async def fetchval(self, query: Query, *args: Any) -> Any:
        return await self.connection.fetchval(query.text, *args)

    async def execute(self, query: Query, *args: Any) -> str:
        """The status of the command, such as `UPDATE 3`."""
        status: str = await self.connection.execute(query.text, *args)
        return status

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Any]) -> None:
        """Append rows by COPY; `table` may be `schema.table`."""
        schema, _, name = table.rpartition(".")
        await self.connection.copy_records_to_table(
            name, schema_name=schema or None, columns=list(columns), records=records
        )

    def emit(self, *messages: Message, cause: Received[Any] | None = None) -> None:
        """Send at commit, in this order. `cause` gives correlation and causation.

        Raises MessageTooLarge for what a broker would refuse, TopicsDiffer for an unknown topic.
        """
        for message in messages:
            self._outgoing.append(
                outbox.compose(
                    message,
                    self._topics[message.TOPIC],
                    correlation_id=cause.correlation_id if cause else "",
                    causation_id=str(cause.message_id) if cause else "",
                )
            )
            self.emitted.append(message)

    def reject(self, received: Received[Any], slug: str) -> None:
        """Never valid: a dead letter in this transaction, with its reason."""
        self.rejected.append((received, slug))

    def suppress(self, received: Received[Any]) -> None:
        """It names an erased person: counted, and nothing else."""
        self.suppressed.append(received)

    def after_sequencing(self, f: "Callable[[Tx, Sequenced], Awaitable[None]]") -> None:
        """Called with (message, sequence) of all that was emitted, before the commit.

        For what must carry the number under which it travels. It must not emit. The lock of the
        outbox head is held by then: at most a statement or two.
        """
        self._sequencing.append(f)

    def after_commit(self, f: Callable[[], None]) -> None:
        """Called once the rows are there for everybody: caches, wake-ups."""
        self._committed.append(f)

    async def name_spaces(self, spaces: Iterable[str]) -> None:
        """Name further spaces that this transaction touches (`kith.spaces`, for row security)."""
        new = set(spaces) - self._spaces
        if new or not self._spaces:
            self._spaces |= new
            named = ",".join(sorted(self._spaces))
            await self.connection.fetchval(QUERIES.name_spaces.text, named)

    async def finish(self) -> int:
        """Write refusals and messages, the head lock last. The number of outbox rows.

        Called by whoever commits, as the last thing before it.
        """
        if self.rejected:
            letters = [
                dead_letters.letter(r.raw, r.type, slug) for r, slug in self.rejected if r.raw
            ]
            await self.add_dead_letters(letters)
        if not self._outgoing:
            if self._sequencing:
                await self._after_sequencing([])
            return 0
        sequences = await outbox.append(self.connection, self._outgoing)
        self.wrote_messages = True
        if self._sequencing:
            pairs = zip(self._outgoing, sequences, strict=True)
            await self._after_sequencing([(o.message, s) for o, s in pairs if o.message])
        return len(sequences)

    async def add_dead_letters(self, letters: Sequence[dead_letters.Letter]) -> None:
        """Rows for people, and copies for the dead-letter topic; once for each place in the log."""
        self._outgoing += await dead_letters.insert(
            self.connection, letters, self._topics, self._group
        )

    async def redrive(self, dead_letter: str) -> bool:
        """Send a dead letter again, to this service only. False if that was done before.

        Raises NotRedrivable.
        """
        again = await dead_letters.take_again(
            self.connection, dead_letter, self._topics, self.service
        )
        self._outgoing += [] if again is None else [again]
        return again is not None

    async def _after_sequencing(self, sequenced: Sequenced) -> None:
        for f in self._sequencing:
            await f(self, sequenced)

    def committed(self) -> None:
        """Run what waited for the commit. Called by whoever committed."""
        for f in self._committed:
            f()


@asynccontextmanager
async def begin(
    pool: Any, service: str, topics: Topics, spaces: Iterable[str] = (), group: str = ""
) -> AsyncIterator[Tx]:
    """READ COMMITTED; commits on a clean exit after the outbox is written, else rolls back."""
    async with pool.acquire() as connection:
        tx = Tx(connection, service, topics, group)
        async with connection.transaction():
            spaces = set(spaces)
            if spaces:
                await tx.name_spaces(spaces)
            yield tx
            await tx.finish()
    tx.committed()
