"""Messages as the other services send them, with what a test does not care about filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contact_schema.changes import (
    Audience,
    ContactChanged,
    ContactRecord,
    HeldIdentifier,
    Snapshot,
    Verified,
)
from contact_schema.interactions import IdentityVerified, InteractionAccepted, InteractionDetail
from contact_schema.observations import Observation

SPACE = "space_1"
AGENT = "agent_1"
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def held(type_: Any, value: str, key: str | None = None, proof: Any = "asserted") -> HeldIdentifier:
    return HeldIdentifier(
        type=type_, key=key or value, value=value, proof=proof, primary=True,
        first_seen_at=NOON, last_seen_at=NOON,
    )  # fmt: skip


def snapshot(contact: str, **fields: Any) -> Snapshot:
    return Snapshot(
        **{
            "contact": contact,
            "kind": "lead",
            "audience": Audience(value="public", source="default"),
            "created_at": NOON,
            **fields,
        }
    )


def record(name: str, user: str | None = None) -> ContactRecord:
    return ContactRecord(
        record=name, unit=f"unit_{name}", verified_user=user, verified_at=NOON if user else None
    )


def changed(
    contact: str, *joined: str | ContactRecord, left: tuple[str, ...] = (), **fields: Any
) -> ContactChanged:
    return ContactChanged(
        space=fields.pop("space", SPACE),
        snapshot=snapshot(contact, **fields),
        joined=tuple(record(r) if isinstance(r, str) else r for r in joined),
        left=left,
    )


def verified(user: str) -> Verified:
    return Verified(user=user, verified_at=NOON)


def proof(record_: str, claim: str, proof: Any = "proven") -> IdentityVerified:
    return IdentityVerified(
        space=SPACE, agent=AGENT, claim=claim, record=record_, unit=f"unit_{record_}", user="u1",
        proof=proof, method="hash",
        observation=Observation(fact=f"f-{claim}", at=NOON, occurred_at=NOON),
    )  # fmt: skip


def event(record_: str, minutes: int = 0, **fields: Any) -> InteractionAccepted:
    """A message in a conversation; `detail` and the rest as given."""
    name = fields.pop("event_id", f"e-{record_}-{minutes}")
    detail = fields.pop("detail", {"text": "Hello", "direction": "inbound", "message_id": name})
    return InteractionAccepted(
        **{
            "space": SPACE,
            "agent": AGENT,
            "event_id": name,
            "record": record_,
            "unit": f"unit_{record_}",
            "claim": None,
            "type": "message",
            "channel": "widget",
            "conversation": "c1",
            "session": "s1",
            "observation": Observation(fact=f"f-{name}", at=at(minutes), occurred_at=at(minutes)),
            "detail": InteractionDetail(**detail),
            **fields,
        }
    )
