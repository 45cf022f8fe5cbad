"""Agents, keys and events for the tests of the doors."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contact_schema.records import space_key
from contact_schema.settings import (
    SCOPES,
    AgentSettings,
    KeySettings,
    Limits,
    Policies,
    Scope,
    key_digest,
)
from ingest.domain import Arrival, Rights
from ingest.events import Rejection, read_event

SECRET: Final = "a deployment secret of the tests"
AGENT, SPACE = "agent_a", "space_a"
API_KEY, READER_KEY, SLOW_KEY, WIDGET_KEY, APP_KEY = (
    f"key-of-{name}" for name in ("everything", "readers", "slow", "widget", "app")
)
ORIGIN: Final = "https://shop.example.com"
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def _key(name: str, key: str, kind: Any = "api", **more: Any) -> KeySettings:
    return KeySettings(id=f"key_{name}", kind=kind, digest=key_digest(key), last4=key[-4:], **more)


def agent(**changes: Any) -> AgentSettings:
    reading: tuple[Scope, ...] = ("contacts:read",)
    return AgentSettings(
        **{
            "space": SPACE,
            "agent": AGENT,
            "workspace": "workspace_a",
            "name": "Shop",
            "region": "DE",
            "policies": Policies(blocked_values=("demo-*",)),
            "keys": (
                _key("all", API_KEY, scopes=SCOPES),
                _key("read", READER_KEY, scopes=reading),
                _key("slow", SLOW_KEY, scopes=SCOPES, limits=Limits(events_per_key=2)),
                _key("widget", WIDGET_KEY, "widget", origins=(ORIGIN,)),
                _key(
                    "app",
                    APP_KEY,
                    "widget",
                    native=True,
                    limits=Limits(widget_per_session=3, widget_per_address=5),
                ),
            ),
            **changes,
        }
    )


def event(type_: str, **parts: Any) -> dict[str, Any]:
    """An event as it is sent, in session ``s1``; ``None`` leaves a part out."""
    return {
        name: value
        for name, value in {
            "event_id": f"event-{next(_numbers)}",
            "type": type_,
            "occurred_at": (NOW - timedelta(seconds=1)).isoformat(),
            "channel": "widget",
            "session_id": "s1",
            **parts,
        }.items()
        if value is not None
    }


def message(text: str = "Hello", **parts: Any) -> dict[str, Any]:
    return event(
        "message",
        **{
            "conversation_id": "c1",
            "message_id": f"m-{next(_numbers)}",
            "direction": "inbound",
            "text": text,
            **parts,
        },
    )


def identify(user: str, **parts: Any) -> dict[str, Any]:
    return event("identify", **{"user_id": user, "user_hash": "0" * 64, **parts})


def arrival(sent: dict[str, Any], rights: Rights | None = None, **changes: Any) -> Arrival:
    """The event as it arrives behind a door that found it well formed."""
    read = read_event(sent, NOW)
    assert not isinstance(read, Rejection), read
    return Arrival(agent(**changes), space_key(SECRET, SPACE), rights or Rights(), read)
