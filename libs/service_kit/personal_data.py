"""The registry of personal data: export, erasure and the scan for left-overs read it."""

from dataclasses import dataclass
from typing import Literal

Class = Literal["identifying", "content", "pseudonym", "secret", "none"]
OnErase = Literal["delete", "blank", "expires", "keep"]


@dataclass(frozen=True)
class Column:
    """One column of a service's schema. `note` says why, where that is not plain."""

    table: str
    column: str
    klass: Class
    on_erase: OnErase
    export: bool
    note: str = ""


@dataclass(frozen=True)
class TopicField:
    """One field of a message, by its dotted path, that may hold personal data while it travels."""

    message: str
    field: str
    klass: Class
    note: str = ""


def _plain(table: str, *columns: str) -> tuple[Column, ...]:
    return tuple(Column(table, column, "none", "keep", export=False) for column in columns)


_COPY = "a copy in transit; gone after 7 days"

COLUMNS: tuple[Column, ...] = (
    *_plain("migrations", "name", "sha256", "applied_at"),
    *_plain("outbox_head", "one", "last_seq"),
    *_plain("outbox_tails", "topic", "partition", "last_seq"),
    *_plain("outbox", "first_seq", "last_seq", "prev", "created_at", "topic", "partition"),
    Column("outbox", "messages", "content", "expires", export=False, note=_COPY),
    *_plain("outbox_holes", "first_seq", "last_seq", "noted_at"),
    *_plain("relay_mark", "one", "last_seq"),
    *_plain("relay_offsets", "topic", "partition", "last_offset"),
    *_plain("watermarks", "topic", "partition", "producer", "last_seq", "last_offset"),
    *_plain("watermarks", "last_append_at"),
    *_plain("dead_letters", "id", "topic", "partition", "record_offset", "appended_at"),
    *_plain("dead_letters", "type", "slug", "created_at", "redriven_at"),
    Column("dead_letters", "key", "pseudonym", "expires", export=False, note=_COPY),
    Column("dead_letters", "headers", "pseudonym", "expires", export=False, note=_COPY),
    Column("dead_letters", "body", "content", "expires", export=False, note=_COPY),
)
