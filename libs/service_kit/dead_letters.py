"""Messages given up: a row with the reason, and a copy on the reader's own dead-letter topic."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from service_kit.outbox import MAX_BYTES, Outgoing
from service_kit.queries import QUERIES
from service_kit.topics import Topics, dead_letter_topic, group_of

_PLACE = frozenset({"producer", "sequence", "previous", "group"})


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as the broker gave it: nothing of it is trusted."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Append time, milliseconds since 1970."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: Sequence[tuple[str, bytes | None]] = field(repr=False)

    @property
    def appended_at(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Letter:
    id: str
    raw: Raw
    type: str
    slug: str


def letter(raw: Raw, type_: str, slug: str) -> Letter:
    """Its id is its place, time and content, so a second delivery is the same letter."""
    place = f"{raw.topic}/{raw.partition}/{raw.offset}/{raw.timestamp}/".encode()
    return Letter(hashlib.sha256(place + (raw.value or b"")).hexdigest(), raw, type_, slug)


async def insert(
    connection: Any, letters: Sequence[Letter], topics: Topics, group: str
) -> list[Outgoing]:
    """Write the letters that are new; returns their copies for the outbox."""
    known = {one.id: one for one in letters}
    rows = orjson.dumps([_row(one) for one in known.values()]).decode()
    new = await connection.fetch(QUERIES.insert_dead_letters.text, rows)
    return [
        _copy(known[row["id"]], group)
        for row in new
        if dead_letter_topic(known[row["id"]].raw.topic, group) in topics
    ]


class NotRedrivable(ValueError):
    """A record without a value, or larger than we send, cannot be sent again."""


async def take_again(connection: Any, id_: str, topics: Topics, service: str) -> Outgoing | None:
    """The record as it came, for this service's group alone, and marked; None if it was before.

    Its old place in the log means nothing any more: the outbox gives it a new one, with the same
    message id. Raises NotRedrivable.
    """
    row = await connection.fetchrow(QUERIES.mark_redriven.text, id_)
    if row is None:
        return None
    if row["body"] is None or len(row["body"]) > MAX_BYTES // 2:
        raise NotRedrivable(id_)
    topic, key = topics[row["topic"]], bytes(row["key"] or b"")
    kept = {n: v for n, v in orjson.loads(row["headers"]) if n not in _PLACE and v is not None}
    headers = {**kept, "group": group_of(service, topic.name)}
    return Outgoing(topic.name, topic.partition_of(key), key, headers, bytes(row["body"]))


def _row(one: Letter) -> dict[str, Any]:
    raw = one.raw
    return {
        "id": one.id,
        "topic": raw.topic,
        "partition": raw.partition,
        "record_offset": raw.offset,
        "appended_at": raw.appended_at,
        "type": one.type,
        "slug": one.slug,
        "key": None if raw.key is None else raw.key.hex(),
        "headers": [[_text(name), _text(value)] for name, value in raw.headers],
        "body": None if raw.value is None else raw.value.hex(),
    }


def _copy(one: Letter, group: str) -> Outgoing:
    raw = one.raw
    headers = {
        "message-id": one.id,
        "type": one.type,
        "slug": one.slug,
        "from": f"{raw.topic}/{raw.partition}/{raw.offset}",
        "group": group,
    }
    # A stranger's record may be larger than we send; the row has it whole.
    body = (raw.value or b"")[: MAX_BYTES // 2]
    return Outgoing(dead_letter_topic(raw.topic, group), 0, (raw.key or b"")[:1024], headers, body)


def _text(value: str | bytes | None) -> str | None:
    """Readable whatever it is: headers of strangers may be no text at all."""
    if value is None:
        return None
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return raw[:4096].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
