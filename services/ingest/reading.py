"""From bodies to events: one event, an array, ``{"events": […]}`` or a line each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from ingest.events import Event, Rejection, read_event
from service_kit.bodies import parse_json, unkeepable
from service_kit.problems import Problem

EVENT_BYTES: Final = 131_072
"""A longer event fits into no message."""


class Unreadable:
    """A line of NDJSON that is no JSON."""


def items_of(body: bytes) -> list[Any]:
    """The events of a JSON body, unread. Raises Problem 400 for what does not parse."""
    value = parse_json(body)
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        return list(value["events"])
    return value if isinstance(value, list) else [value]


def items_of_lines(body: bytes) -> list[Any]:
    """The events of an NDJSON body, unread; a broken line is `Unreadable`, an empty one nothing."""
    return [_item_of_line(line) for line in body.split(b"\n") if line.strip()]


def _item_of_line(line: bytes) -> Any:
    try:
        return parse_json(line)
    except Problem:
        return Unreadable()


def read_item(
    item: Any, now: datetime, blocked: Sequence[str], *, suspicious: bool = True, large: bool = True
) -> Event | Rejection:
    """The event, or why it is none; nothing of one that cannot be kept goes any further.

    ``suspicious`` is False where `may_be_unkeepable` has seen the whole body, ``large`` where even
    that is no longer than an event may be.
    """
    if isinstance(item, Unreadable):
        return Rejection("malformed", "This line is not JSON.")
    pointer = unkeepable(item) if suspicious else None
    if pointer is not None:
        return Rejection("unkeepable", "A value here cannot be stored.", _known_part(pointer))
    event = read_event(item, now, blocked)
    # Only what a sender made up himself can be this long: all other fields have their limits.
    if large and not isinstance(event, Rejection) and len(orjson.dumps(item)) > EVENT_BYTES:
        return Rejection("too-large", "An event has at most 131,072 bytes.")
    return event


def _known_part(pointer: str) -> str | None:
    """The pointer without keys that a sender made up, which may say anything."""
    parts = pointer.split("/")
    made_up = next(
        (place for place, part in enumerate(parts) if part in {"user_metadata", "attributes"}),
        len(parts),
    )
    return "/".join(parts[: made_up + 1]) or None
