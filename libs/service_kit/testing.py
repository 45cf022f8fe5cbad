"""For tests of stores and handlers: a transaction that is rolled back, messages as received."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from contact_schema.envelope import Message
from service_kit.dead_letters import Raw
from service_kit.packing import Packed, unpack
from service_kit.service import Runtime, Service
from service_kit.topics import Topics
from service_kit.tx import Received, Tx

M = TypeVar("M", bound=Message)

_sequences = itertools.count(1)


def received(message: M, **headers: Any) -> Received[M]:
    """The message as a handler gets it, each later than the one before; name headers to fix."""
    sequence: int = headers.get("sequence", next(_sequences))
    message_id: UUID = headers.get("message_id", uuid7())
    fields: dict[str, Any] = {
        "type": type(message).__name__,
        "version": message.VERSION,
        "space": message.space,
        "message_id": message_id,
        "producer": "test",
        "sequence": sequence,
        "topic": message.TOPIC,
        "partition": 0,
        "offset": sequence,
        "appended_at": datetime.now(UTC),
        "correlation_id": str(message_id),
        "causation_id": "",
        **headers,
    }
    appended_at: datetime = fields["appended_at"]
    raw = Raw(
        fields["topic"],
        fields["partition"],
        fields["offset"],
        int(appended_at.timestamp() * 1000),
        message.key.encode(),
        message.model_dump_json().encode(),
        (),
    )
    return Received(body=message, raw=raw, **fields)


@asynccontextmanager
async def rolled_back(dsn: str, service: str, topics: Topics) -> AsyncIterator[Tx]:
    """A Tx whose transaction never commits. `emitted`, `rejected`, `suppressed` tell what it holds.

    `await tx.finish()` writes the outbox and runs what waits for the sequences, still rolled back.
    """
    connection = await asyncpg.connect(dsn)
    try:
        transaction = connection.transaction()
        await transaction.start()
        try:
            yield Tx(connection, service, topics)
        finally:
            await transaction.rollback()
    finally:
        await connection.close()


async def written(connection: Any, *, after: int = 0, topic: str | None = None) -> list[Packed]:
    """The messages in the outbox of the connection's role, in order, behind a sequence."""
    rows = await connection.fetch(
        "SELECT o.first_seq, o.prev, o.messages FROM outbox AS o"
        " WHERE o.last_seq > $1 AND ($2::text IS NULL OR o.topic = $2) ORDER BY o.last_seq",
        after,
        topic,
    )
    messages = [message for row in rows for message in unpack(row)]
    return [message for message in messages if message.sequence > after]


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Runtime]:
    """The runtime of a service with its database and without a broker: nothing leaves the outbox.

    For tests of doors: `http.build_app(service, runtime)`.
    """
    runtime = Runtime(service)
    await runtime.open()
    for replica in service.replicas.values():
        replica.complete.set()
    try:
        yield runtime
    finally:
        await runtime.close()
