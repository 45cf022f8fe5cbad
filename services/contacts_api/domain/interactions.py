"""What the timeline and the counters keep of accepted events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contact_schema.interactions import InteractionAccepted

Row = dict[str, Any]

TYPES = {"identify": "identified", "conversation_tagged": "tagged"}
"""Names of the timeline where they differ from the event's."""
TIMELINE_TYPES = (
    "session_started", "page_viewed", "message", "identified", "lead_captured", "tagged",
    "conversation_closed", "logged_out",
)  # fmt: skip
KNOWN_TYPES = (*TIMELINE_TYPES, "merged", "split", "note", "task")
"""What a reader may ask for; the last ones have lists of their own."""
IN_COLUMNS = {"message_id", "direction", "author", "text"}
TIMELINE_COLUMNS = (
    "space", "record", "at", "entry", "type", "channel", "conversation", "event_id", "message_id",
    "direction", "author", "text", "detail",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One accepted event; ``entry`` is its id in the timeline, ``sequence`` its place in order."""

    message: InteractionAccepted
    entry: str
    sequence: int


@dataclass
class Activities:
    """A batch folded to what each table takes."""

    timeline: list[Row] = field(default_factory=list)
    activity: dict[tuple[str, str, str, str], Row] = field(default_factory=dict)
    conversations: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)


def fold_events(events: Iterable[Event]) -> Activities:
    folded = Activities()
    for event in events:
        folded.timeline.append(_timeline_row(event))
        _count(folded, event)
        message = event.message
        if message.conversation is not None:
            key = (message.space, message.agent, message.conversation)
            folded.conversations[key] = {
                "space": message.space,
                "agent": message.agent,
                "conversation": message.conversation,
                "record": message.record,
                "claim": message.claim,
                "sequence": event.sequence,
            }
    return folded


def _timeline_row(event: Event) -> Row:
    message, detail = event.message, event.message.detail
    return {
        "space": message.space,
        "record": message.record,
        "at": message.observation.occurred_at,
        "entry": event.entry,
        "type": TYPES.get(message.type, message.type),
        "channel": message.channel,
        "conversation": message.conversation,
        "event_id": message.event_id,
        "message_id": detail.message_id,
        "direction": detail.direction,
        "author": detail.author,
        "text": detail.text,
        "detail": detail.model_dump(mode="json", exclude=IN_COLUMNS, exclude_defaults=True),
    }


def _count(folded: Activities, event: Event) -> None:
    message, at = event.message, event.message.observation.occurred_at
    # An answer of ours tells nothing about when the person was here.
    seen = None if message.detail.direction == "outbound" else at
    key = (message.space, message.record, message.channel, message.conversation or "")
    row = folded.activity.setdefault(
        key,
        {
            "space": message.space,
            "record": message.record,
            "channel": message.channel,
            "conversation": message.conversation or "",
            "first_at": at,
            "last_at": at,
            "seen_at": seen,
        },
    )
    row["first_at"], row["last_at"] = min(row["first_at"], at), max(row["last_at"], at)
    if seen is not None:
        row["seen_at"] = max(row["seen_at"] or seen, seen)
        place = (message.space, message.record)
        folded.seen[place] = max(folded.seen.get(place, seen), seen)


def entry_json(row: Any, detail: Row, at: str | None) -> Row:
    """A timeline entry as the API answers it; every key is there."""
    return {
        "id": row["entry"],
        "type": row["type"],
        "at": at,
        "channel": row["channel"],
        "conversation_id": row["conversation"],
        "event_id": row["event_id"],
        "message_id": row["message_id"],
        "direction": row["direction"],
        "author": row["author"],
        "text": row["text"],
        "record_id": row["record"],
        "detail": detail,
    }
