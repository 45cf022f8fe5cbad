"""What an edit would change of what a contact shows, and what it would not."""

from typing import Any

from contact_schema.commands import EditContact
from merge_resolver.domain import bodies
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.fold import fold, fold_tags, order_of
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.domain.working import Blob


def covered(contact: Contact, command: EditContact) -> tuple[str, ...]:
    """The records that a removal must reach: those that hold something it could remove."""
    removes = command.remove_tags or command.replace_tags is not None
    cleared = [one for one in bodies.ADDRESSES if command.fields.get(one, "") is None]
    return tuple(
        sorted(
            record.id
            for record in contact.records
            if (removes and any(fact.tags and fact.tags.added for fact in record.facts))
            or any(record.keys(one) for one in cleared)
        )
    )


def says_anything(contact: Contact, fact: Observe, blob: Blob) -> bool:
    """Whether the edit says anything that does not stand already, at least as firmly."""
    folded = fold(contact)
    for name, value in fact.fields.items():
        won = folded.fields.get(name)
        if value is None and name not in (*bodies.ADDRESSES, "audience"):
            if won is not None:
                return True
        elif won is None or won.value != value or won.field_class < fact.field_class:
            return True
    held = {
        (one.type, one.key): claim.proof
        for record in contact.records
        for one, claim in record.claims.items()
    }
    primary = _primaries(contact, blob)
    for one in fact.told:
        known = one.key is not None and held.get((one.type, one.key), 0) >= one.proof
        if not known or primary.get(one.type) not in (one.key, None):
            return True
    if fact.tags is None:
        return False
    tags = {tag.name for tag in fold_tags(contact)}
    after = (set() if fact.tags.clears else tags - set(fact.tags.removed)) | set(fact.tags.added)
    return after != tags


def _primaries(contact: Contact, blob: Blob) -> dict[str, str]:
    shown = snapshot_of(contact, blob.rules).identifiers
    return {one.type: one.key for one in shown if one.primary and one.key is not None}


def overflow(contact: Contact, blob: Blob) -> int:
    """Tags and attributes above their limits: a merge may bring some, a direct write may not."""
    snapshot = snapshot_of(contact, blob.rules)
    return snapshot.overflow_tags + snapshot.overflow_attributes


def shown(name: str, contact: Contact, blob: Blob) -> Any:
    """The value that a contact shows in a field, as a pick of a merge keeps it."""
    snapshot = snapshot_of(contact, blob.rules)
    if name in bodies.ADDRESSES:
        for one in snapshot.identifiers:
            if one.type == name and one.primary:
                return {"key": one.key, "given": one.value}
        return None
    if name == "audience":
        return snapshot.audience.value
    won = fold(contact).fields.get(name)
    return won.value if won is not None else None


def outranked(told: Observe, contact: Contact, blob: Blob) -> tuple[str, ...]:
    """Fields that are stored but do not show, because a stronger class speaks."""
    folded = fold(contact)
    snapshot = snapshot_of(contact, blob.rules)
    hidden = [
        name
        for name, value in told.fields.items()
        if name not in ("audience", "plan", "stripe_accounts", *bodies.ADDRESSES)
        and order_of(folded.fields[name].value if name in folded.fields else None)
        != order_of(value)
    ]
    audience = told.fields.get("audience")
    if isinstance(audience, str) and snapshot.audience.value != audience:
        hidden.append("audience")
    primary: dict[str, str | None] = {
        one.type: one.key for one in snapshot.identifiers if one.primary
    }
    hidden += [
        one.type
        for one in told.told
        if one.type in bodies.ADDRESSES and one.key is not None and primary.get(one.type) != one.key
    ]
    return tuple(sorted(set(hidden)))
