"""From a record's bytes to a message. Nothing in it is trusted; a fault is that record's only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from pydantic import TypeAdapter, ValidationError

from contact_schema.envelope import Message
from service_kit.bodies import may_be_unkeepable, parse_json, unkeepable
from service_kit.dead_letters import Raw
from service_kit.problems import Problem
from service_kit.tx import Received

_NUMBER = re.compile(rb"\d{1,18}")
_WORD = re.compile(r"[\x21-\x7e]{1,255}")


class Unreadable(Exception):
    """A record that is no message of ours; `slug` says why."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers say."""

    message_id: UUID
    type: str
    version: int
    producer: str
    sequence: int
    previous: int
    space: str
    correlation_id: str
    causation_id: str
    group: str
    """A redriven message is for this group only; empty: for all."""


def read_head(raw: Raw) -> Head:
    """Raises Unreadable. A tombstone has headers like everything else here."""
    headers = _Headers(raw.headers)
    try:
        message_id = UUID(headers.word("message-id"))
    except ValueError:
        raise Unreadable("bad-header") from None
    return Head(
        message_id,
        headers.word("type"),
        headers.number("version"),
        headers.word("producer"),
        headers.number("sequence"),
        headers.number("previous"),
        headers.text("space"),
        headers.text("correlation-id"),
        headers.text("causation-id"),
        headers.text("group"),
    )


def read_foreign_head(raw: Raw, type_: str) -> Head:
    """Of records written by others: what is absent is made up, sequences mean nothing."""
    headers = _Headers(raw.headers)
    place = uuid5(NAMESPACE_OID, f"{raw.topic}/{raw.partition}/{raw.offset}/{raw.timestamp}")
    try:
        message_id = UUID(headers.text("message-id"))
    except ValueError:
        message_id = place
    version = headers.number("version") if headers.has("version") else 1
    type_ = headers.text("type") or type_
    producer = headers.text("producer") or "unknown"
    correlation = headers.text("correlation-id") or str(message_id)
    space = headers.text("space")
    return Head(message_id, type_, version, producer, 0, 0, space, correlation, "", "")


class _Headers:
    def __init__(self, headers: Sequence[tuple[str, bytes | None]]) -> None:
        self._values = dict(headers)

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """Printable ASCII, or nothing where the header is absent."""
        if name not in self._values:
            return ""
        value = self._values[name]
        if value is None:
            raise Unreadable("null-header")
        text = value.decode("ascii", "replace")
        if text and not _WORD.fullmatch(text):
            raise Unreadable("bad-header")
        return text

    def word(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise Unreadable("missing-header")
        return text

    def number(self, name: str) -> int:
        value = self._values.get(name)
        if value is None:
            raise Unreadable("missing-header")
        if not _NUMBER.fullmatch(value):
            raise Unreadable("bad-header")
        return int(value)


class Reader:
    """The messages that a stream takes, by type and version."""

    def __init__(self, messages: Sequence[type[Message]]) -> None:
        self._messages = {(m.__name__, m.VERSION): m for m in messages}
        self.types = frozenset(m.__name__ for m in messages)
        self.only = messages[0].__name__ if messages else ""

    @cached_property
    def _adapters(self) -> dict[tuple[str, int], TypeAdapter[Any]]:
        return {key: TypeAdapter(message) for key, message in self._messages.items()}

    def takes(self, head: Head) -> bool:
        return head.type in self.types

    def read(self, head: Head, raw: Raw) -> Received[Any]:
        """Raises Unreadable for a body that is not valid, or that no database could keep.

        Of a version that is newer than this build it is a dead letter: the next build takes it.
        """
        if (head.type, head.version) not in self._messages:
            raise Unreadable("unknown-version")
        if raw.value is None:
            raise Unreadable("null-value")
        if may_be_unkeepable(raw.value):
            _refuse_unkeepable(raw.value)
        try:
            body = self._adapters[(head.type, head.version)].validate_json(raw.value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            broken = first["type"] == "json_invalid"
            raise Unreadable("bad-json" if broken else "invalid-body") from None
        return Received(
            body=body,
            type=head.type,
            version=head.version,
            space=head.space or body.space,
            message_id=head.message_id,
            producer=head.producer,
            sequence=head.sequence,
            topic=raw.topic,
            partition=raw.partition,
            offset=raw.offset,
            appended_at=raw.appended_at,
            correlation_id=head.correlation_id or str(head.message_id),
            causation_id=head.causation_id,
            raw=raw,
        )


def _refuse_unkeepable(value: bytes) -> None:
    try:
        found = unkeepable(parse_json(value))
    except Problem:
        raise Unreadable("bad-json") from None
    if found is not None:
        raise Unreadable("unkeepable-value")
