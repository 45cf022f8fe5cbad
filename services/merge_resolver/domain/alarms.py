"""When somebody should look before anything outside is told."""

from dataclasses import dataclass
from typing import Literal

from merge_resolver.domain.bodies import Kept
from merge_resolver.domain.differences import Difference
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.working import Blob

MANY_CONTACTS = 20
"""One fact may change this many contacts that were there before."""
TRIED = 30
"""Facts of one batch that are looked at one by one, those that tell most first: each costs an
evaluation, and a busy batch must not cost more than it is worth.
"""
EXPECTED = frozenset({"policy", "erasure"})
"""Causes that somebody has looked at before."""


@dataclass(frozen=True, slots=True)
class Alarm:
    reason: Literal["many-contacts", "work-cap"]
    contacts: int
    fact: str | None = None


def alarm_of(blob: Blob, found: Difference) -> Alarm | None:
    claims = sum(len(r.claims) for contact in blob.current() for r in contact.records)
    if claims * 2 >= blob.rules.claims_per_blob:
        return Alarm("work-cap", claims)
    if blob.cause in EXPECTED or len(_changed(blob, found)) <= MANY_CONTACTS:
        return None
    return _by_one_fact(blob, len(_changed(blob, found)))


def _changed(blob: Blob, found: Difference) -> set[str]:
    """Contacts that have other records now, or none; without those who are new altogether."""
    known = {one for one, row in blob.records.items() if row.contact is not None}
    moved = {
        contact.id
        for contact in blob.current()
        if contact.id in found.moved and any(record.id in known for record in contact.records)
    }
    return moved | found.gone


def _by_one_fact(blob: Blob, together: int) -> Alarm | None:
    """A busy batch changes many by many facts: only what a single one does is an alarm."""
    added = sorted(blob.added.values(), key=_tells, reverse=True)
    if blob.removed or not added:
        return Alarm("many-contacts", together)
    if len(added) == 1:
        return Alarm("many-contacts", together, added[0].id)
    worst = max((_changed_by(blob, fact), fact.id) for fact in added[:TRIED])
    return Alarm("many-contacts", *worst) if worst[0] > MANY_CONTACTS else None


def _tells(fact: Kept) -> tuple[int, str]:
    """A decision ties more than any event."""
    return len(fact.told) if isinstance(fact, Observe) else MANY_CONTACTS, fact.id


def _changed_by(blob: Blob, fact: Kept) -> int:
    stored = [one for one in blob.facts.values() if one.id not in blob.added]
    before: dict[str, set[str]] = {}
    for record, row in blob.records.items():
        if row.contact is not None:
            before.setdefault(row.contact, set()).add(record)
    now = {
        frozenset(record.id for record in contact.records)
        for contact in blob.contacts_of([*stored, fact])
    }
    return sum(frozenset(records) not in now for records in before.values())
