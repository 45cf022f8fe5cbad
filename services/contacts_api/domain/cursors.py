"""Page positions, signed and opaque: a reader can neither read nor make one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

TAG_BYTES = 16


class NotACursorError(ValueError):
    """It was not made here, or for another list."""


@dataclass(frozen=True)
class Position:
    """Where a page begins: after this row, or, going back, before it."""

    values: tuple[str, ...]
    backwards: bool = False


def seal_cursor(key: bytes, purpose: str, position: Position) -> str:
    """``purpose`` names the list with its filters and order, so that a cursor fits no other."""
    body = json.dumps(
        [int(position.backwards), *position.values], ensure_ascii=False, separators=(",", ":")
    ).encode()
    return base64.urlsafe_b64encode(_tag(key, purpose, body) + body).decode().rstrip("=")


def open_cursor(key: bytes, purpose: str, cursor: str) -> Position:
    """Raises NotACursorError."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise NotACursorError from None
    tag, body = raw[:TAG_BYTES], raw[TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, purpose, body)):
        raise NotACursorError
    backwards, *values = json.loads(body)
    return Position(tuple(str(value) for value in values), bool(backwards))


def _tag(key: bytes, purpose: str, body: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + body, hashlib.sha256)[:TAG_BYTES]


@dataclass(frozen=True)
class Page:
    """The rows of one page out of what was read, and which neighbours it has."""

    first: int
    last: int
    has_next: bool
    has_previous: bool


def cut_page(read: int, limit: int, position: Position | None) -> Page:
    """``read`` rows came back of ``limit`` + 1 asked for, in the order asked (reversed going back).

    ``first`` and ``last`` slice the rows once they are in the list's order again.
    """
    more = read > limit
    if position is not None and position.backwards:
        return Page(1 if more else 0, read, has_next=True, has_previous=more)
    return Page(0, min(read, limit), has_next=more, has_previous=position is not None)


def purpose_of(parts: Sequence[object]) -> str:
    return repr(tuple(parts))
