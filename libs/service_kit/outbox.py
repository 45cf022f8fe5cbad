"""The outbox: messages as rows, in the transaction of what they tell, in commit order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from uuid_utils.compat import uuid7

from contact_schema.envelope import Message
from service_kit.queries import QUERIES
from service_kit.topics import Topic

MAX_BYTES = 768 * 1024
"""Body and headers together; a broker's default limit is 1 MB, and one refusal jams an outbox."""
_HEADER_ROOM = 512
_COLUMNS = ["seq", "prev", "topic", "partition", "key", "headers", "body"]


class MessageTooLarge(ValueError):
    """A message is larger than a broker takes."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row to be. `message` is None for what has no model, such as the copy of a dead letter."""

    topic: str
    partition: int
    key: bytes
    headers: Mapping[str, str]
    body: bytes
    message: Message | None = None


def compose(
    message: Message, topic: Topic, *, correlation_id: str = "", causation_id: str = ""
) -> Outgoing:
    """The row of a message. Without a cause it begins a correlation of its own."""
    body = type(message).__pydantic_serializer__.to_json(message)
    message_id = str(uuid7())
    headers = {
        "message-id": message_id,
        "type": type(message).__name__,
        "version": str(message.VERSION),
        "space": message.space,
        "correlation-id": correlation_id or message_id,
        "causation-id": causation_id,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    key = message.key.encode()
    if len(body) + len(key) + sum(map(len, headers.values())) + _HEADER_ROOM > MAX_BYTES:
        raise MessageTooLarge(f"{type(message).__name__} is larger than {MAX_BYTES} bytes")
    return Outgoing(topic.name, topic.partition_of(key), key, headers, body, message)


async def append(connection: Any, outgoing: Sequence[Outgoing]) -> list[int]:
    """Give each its sequence and the previous one of its partition, and write it.

    Locks the head to the commit: nothing that takes long may follow. Returns the sequences.
    """
    last: int = await connection.fetchval(QUERIES.lock_head.text, len(outgoing))
    first = last - len(outgoing) + 1
    tails: dict[tuple[str, int], int] = {}
    for sequence, message in enumerate(outgoing, first):
        tails[(message.topic, message.partition)] = sequence
    rows = await connection.fetch(
        QUERIES.move_tails.text,
        [topic for topic, _ in tails],
        [partition for _, partition in tails],
        list(tails.values()),
    )
    previous = {(row["topic"], row["partition"]): row["last_seq"] for row in rows}
    records = []
    for sequence, o in enumerate(outgoing, first):
        before = previous.get((o.topic, o.partition), 0)
        previous[(o.topic, o.partition)] = sequence
        headers = orjson.dumps(o.headers).decode()
        records.append((sequence, before, o.topic, o.partition, o.key, headers, o.body))
    await connection.copy_records_to_table("outbox", columns=_COLUMNS, records=records)
    return list(range(first, last + 1))
