"""The outbox: messages as rows, in the transaction of what they tell, in commit order.

One row holds what one transaction says in one partition, up to what fits into a record batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from uuid_utils import uuid7

from contact_schema.envelope import Message
from service_kit.packing import pack, size_of
from service_kit.queries import QUERIES
from service_kit.topics import Topic

MAX_BYTES = 768 * 1024
"""Body and headers together; a broker's default limit is 1 MB, and one refusal jams an outbox."""
_HEADER_ROOM = 512
_COLUMNS = ["first_seq", "last_seq", "prev", "topic", "partition", "messages"]
_ROW_BYTES = 160 * 1024
"""A row is sent whole, so it has to fit into a record batch beside the headers of each message."""
_SENT_BESIDE = 128
"""Bytes that a message has in a record batch and not in the outbox, at most."""


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
    size = len(body) + len(key) + sum(map(len, headers.values()))
    if size + _HEADER_ROOM > MAX_BYTES:
        raise MessageTooLarge(f"{type(message).__name__} is larger than {MAX_BYTES} bytes")
    return Outgoing(topic.name, topic.partition_of(key), key, headers, body, message)


async def append(connection: Any, outgoing: Sequence[Outgoing]) -> list[int]:
    """Give each its sequence, in order within its partition, and write them.

    Locks the head to the commit: nothing that takes long may follow. Returns the sequences, in the
    order of `outgoing`.
    """
    places: dict[tuple[str, int], list[int]] = {}
    for number, o in enumerate(outgoing):
        places.setdefault((o.topic, o.partition), []).append(number)
    last: int = await connection.fetchval(QUERIES.lock_head.text, len(outgoing))
    sequences, tails = [0] * len(outgoing), {}
    sequence = last - len(outgoing)
    for place, numbers in places.items():
        for number in numbers:
            sequence += 1
            sequences[number] = sequence
        tails[place] = sequence
    before = await _move_tails(connection, tails)
    records = [
        (first, final, before[place] if first == sequences[numbers[0]] else first - 1, *place, row)
        for place, numbers in places.items()
        for first, final, row in _rows([outgoing[n] for n in numbers], sequences[numbers[0]])
    ]
    await connection.copy_records_to_table("outbox", columns=_COLUMNS, records=records)
    return sequences


async def _move_tails(
    connection: Any, tails: Mapping[tuple[str, int], int]
) -> dict[tuple[str, int], int]:
    """The last sequence of each of these partitions before this transaction; 0: none."""
    rows = await connection.fetch(
        QUERIES.move_tails.text,
        [topic for topic, _ in tails],
        [partition for _, partition in tails],
        list(tails.values()),
    )
    found = {(row["topic"], row["partition"]): row["last_seq"] for row in rows}
    return {place: found.get(place, 0) for place in tails}


def _rows(messages: Sequence[Outgoing], first: int) -> Iterator[tuple[int, int, bytes]]:
    """First and last sequence of each row of a partition, and its messages."""
    waiting: list[tuple[bytes, bytes, bytes]] = []
    size = 0
    for sequence, o in enumerate(messages, first):
        headers = orjson.dumps(o.headers)
        more = size_of(o.key, headers, o.body) + _SENT_BESIDE
        if waiting and size + more > _ROW_BYTES:
            yield sequence - len(waiting), sequence - 1, pack(waiting)
            waiting, size = [], 0
        waiting.append((o.key, headers, o.body))
        size += more
    final = first + len(messages) - 1
    yield final - len(waiting) + 1, final, pack(waiting)
