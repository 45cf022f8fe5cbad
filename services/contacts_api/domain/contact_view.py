"""A contact as the API answers it: the resolver's snapshot, and what this service counts itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from contact_schema.changes import HeldIdentifier, Snapshot

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC; None for never."""
    # Never is "-infinity" in the database, which the driver gives as the smallest time of all.
    if at is None or at.year == 1:
        return None
    return at.isoformat().replace("+00:00", "Z")


def contact_json(
    row: Any,
    channels: Sequence[Any] = (),
    crm: Sequence[Any] = (),
    former_ids: Sequence[str] = (),
) -> Json:
    """The whole contact; every key is there. ``row`` is one of `find_contacts`."""
    snapshot = Snapshot.model_validate_json(row["snapshot"])
    return profile_json(snapshot) | {
        "channels": [_channel(row) for row in channels],
        "conversations": _conversations(channels),
        "crm": [_crm(row) for row in crm],
        "merged_ids": list(former_ids),
        "created_at": moment(snapshot.created_at),
        "updated_at": moment(row["updated_at"]),
        "last_seen_at": moment(row["last_seen_at"]),
        "version": row["version"],
    }


def profile_json(snapshot: Snapshot) -> Json:
    """What the resolver says of a contact, without what this service counts itself."""
    verified = snapshot.verified
    return {
        "id": snapshot.contact,
        "object": "contact",
        "kind": snapshot.kind,
        "external_id": snapshot.external_id,
        "name": snapshot.name,
        "email": snapshot.email,
        "phone": snapshot.phone,
        "company": snapshot.company,
        "emails": _held(i for i in snapshot.identifiers if i.type == "email"),
        "phones": _held(i for i in snapshot.identifiers if i.type == "phone"),
        "said": _said(snapshot.said),
        "stripe_accounts": [dict(account) for account in snapshot.stripe_accounts],
        "custom_attributes": snapshot.custom_attributes,
        "unregistered_attributes": sorted(snapshot.custom_attributes),
        "tags": list(snapshot.tags),
        "overflow": {
            "tags": snapshot.overflow_tags,
            "custom_attributes": snapshot.overflow_attributes,
        },
        "audience": {
            "value": snapshot.audience.value,
            "source": snapshot.audience.source,
            "pinned": snapshot.audience.pinned,
            "set_at": moment(snapshot.audience.set_at),
        },
        "verified": None
        if verified is None
        else {"user_id": verified.user, "verified_at": moment(verified.verified_at)},
        "tier_mismatch": _tier_mismatch(snapshot),
    }


def _held(identifiers: Iterable[HeldIdentifier]) -> list[Json]:
    return [
        {
            "value": i.value,
            "proof": i.proof,
            "primary": i.primary,
            "first_seen_at": moment(i.first_seen_at),
            "last_seen_at": moment(i.last_seen_at),
        }
        for i in identifiers
    ]


def _said(said: Mapping[str, Any]) -> Json:
    """Custom attributes travel as ``attr.<key>``; a reader knows them by their own key."""
    return {name.removeprefix("attr."): value for name, value in said.items()}


def _tier_mismatch(snapshot: Snapshot) -> Json | None:
    mismatch = snapshot.tier_mismatch
    if mismatch is None:
        return None
    return {
        "sent": mismatch.sent,
        "has": mismatch.has,
        "source": mismatch.source,
        "at": moment(mismatch.at),
    }


def _channel(row: Any) -> Json:
    return {
        "channel": row["channel"],
        "first_at": moment(row["first_at"]),
        "last_at": moment(row["last_at"]),
        "conversations": row["conversations"],
    }


def _conversations(channels: Sequence[Any]) -> Json:
    times = [row["conversation_at"] for row in channels if row["conversation_at"] is not None]
    return {
        "count": sum(row["conversations"] for row in channels),
        "last_at": moment(max(times, default=None)),
    }


def _crm(row: Any) -> Json:
    return {
        "connection": row["connection"],
        "kind": row["kind"],
        "state": row["state"],
        "reason": row["reason"],
        "remote_id": row["remote_id"],
        "remote_url": row["remote_url"],
        "synced_at": moment(row["synced_at"]),
    }


def joined_counts(contact: str, sides: Sequence[Json]) -> Json:
    """What this service counts itself, of several contacts as if they were one."""
    channels: dict[str, Json] = {}
    for one in (channel for side in sides for channel in side["channels"]):
        before = channels.get(one["channel"], one | {"conversations": 0})
        channels[one["channel"]] = {
            "channel": one["channel"],
            "first_at": min(before["first_at"], one["first_at"]),
            "last_at": max(before["last_at"], one["last_at"]),
            "conversations": before["conversations"] + one["conversations"],
        }
    ids = {id_ for side in sides for id_ in (side["id"], *side["merged_ids"])}
    conversations = [side["conversations"] for side in sides]
    return {
        "channels": [channels[name] for name in sorted(channels)],
        "conversations": {
            "count": sum(one["count"] for one in conversations),
            "last_at": _latest(one["last_at"] for one in conversations),
        },
        "crm": [one for side in sides for one in side["crm"]],
        "merged_ids": sorted(ids - {contact}),
        "created_at": min(side["created_at"] for side in sides),
        "updated_at": None,
        "last_seen_at": _latest(side["last_seen_at"] for side in sides),
        "version": None,
    }


def _latest(times: Iterable[str | None]) -> str | None:
    return max((one for one in times if one is not None), default=None)


CONTEXT_FIELDS = (
    "id", "external_id", "name", "email", "phone", "company", "audience", "custom_attributes",
    "tags", "stripe_accounts",
)  # fmt: skip


def context_json(contact: Json) -> Json:
    """What an AI agent may know in a verified conversation: nothing internal, nothing said."""
    return {name: contact[name] for name in CONTEXT_FIELDS}


def chosen(contact: Json, fields: Sequence[str]) -> Json:
    return {name: contact[name] for name in fields} if fields else contact
