"""What the list keeps of a contact as the resolver tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contact_schema.changes import ContactChanged, Snapshot
from contacts_api.domain.sort_keys import search_text, sort_key

Row = dict[str, Any]
Place = tuple[str, str]
"""A space, and an id in it."""


@dataclass(frozen=True)
class Change:
    """One `ContactChanged`, its sequence (the contact's version) and when it was appended."""

    message: ContactChanged
    sequence: int
    at: datetime


@dataclass
class ListChanges:
    """A batch folded to one row per contact and per record."""

    contacts: dict[Place, Row] = field(default_factory=dict)
    profiles: dict[Place, Row] = field(default_factory=dict)
    records: dict[Place, Row] = field(default_factory=dict)
    left: dict[Place, tuple[str, int]] = field(default_factory=dict)
    """Record to the contact that it left, and the sequence."""
    left_behind: set[Place] = field(default_factory=set)
    """Contacts that any record left, even if it joined another one since."""


def fold_changes(changes: Iterable[Change]) -> ListChanges:
    """The newest of each; a record that left one contact and joined another is in the other."""
    folded = ListChanges()
    for change in changes:
        message, space = change.message, change.message.space
        contact = message.snapshot.contact
        folded.contacts[space, contact] = contact_row(change)
        folded.profiles[space, contact] = profile_row(change)
        if message.left:
            folded.left_behind.add((space, contact))
        for record in message.left:
            joined = folded.records.get((space, record))
            if joined is None or joined["contact"] == contact:
                folded.records.pop((space, record), None)
                folded.left[space, record] = (contact, change.sequence)
        for joining in message.joined:
            folded.left.pop((space, joining.record), None)
            folded.records[space, joining.record] = {
                "space": space,
                "record": joining.record,
                "contact": contact,
                "unit": joining.unit,
                "verified_user": joining.verified_user,
                "verified_at": joining.verified_at,
                "sequence": change.sequence,
            }
    return folded


def contact_row(change: Change) -> Row:
    snapshot = change.message.snapshot
    return {
        "space": change.message.space,
        "contact": snapshot.contact,
        "version": change.sequence,
        "kind": snapshot.kind,
        "verified": snapshot.verified is not None,
        "audience": snapshot.audience.value,
        "name": sort_key(snapshot.name),
        "email": sort_key(snapshot.email),
        "company": sort_key(snapshot.company),
        "external_id": sort_key(snapshot.external_id),
        "created_at": snapshot.created_at,
        "updated_at": change.at,
    }


def profile_row(change: Change) -> Row:
    snapshot = change.message.snapshot
    return {
        "space": change.message.space,
        "contact": snapshot.contact,
        "version": change.sequence,
        "snapshot": snapshot.model_dump(mode="json"),
        "search": _search(snapshot),
        "tags": list(snapshot.tags),
        "attributes": snapshot.custom_attributes,
        "keys": sorted(_keys(snapshot)),
    }


def _search(snapshot: Snapshot) -> str:
    shown = [i.value for i in snapshot.identifiers if i.type in {"email", "phone"}]
    # A number is looked for as it is written and as it is dialled.
    dialled = [i.key for i in snapshot.identifiers if i.type == "phone" and i.key]
    return search_text(
        snapshot.name,
        snapshot.email,
        snapshot.company,
        snapshot.phone,
        snapshot.external_ids,
        shown,
        dialled,
        snapshot.custom_attributes,
    )


def _keys(snapshot: Snapshot) -> set[str]:
    keys = {f"{i.type}:{i.key}" for i in snapshot.identifiers if i.key is not None}
    users = {snapshot.external_id, *snapshot.external_ids} - {None}
    return keys | {f"user:{user}" for user in users}
