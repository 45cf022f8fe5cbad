"""From what was stored to what is now: the messages, and the rows that follow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from contact_schema.changes import (
    ContactChanged,
    ContactCreated,
    ContactRecord,
    ContactsMerged,
    ContactSplit,
    Kind,
    MergeCause,
    MergeEvidence,
)
from contact_schema.observations import IdentifierType, Proof
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import PROOF_NAMES, Link, Observe
from merge_resolver.domain.snapshot import instant, proof_of_user, record_of, snapshot_of
from merge_resolver.domain.working import Blob

RECORDS_PER_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class Joining:
    """A row of the merge journal: who came to whom, by what, and the sides as they were."""

    merge: str
    into: str
    absorbed: tuple[str, ...]
    cause: str
    link: str | None
    at: int
    sides: Mapping[str, tuple[str, ...]]
    evidence: MergeEvidence | None = None


@dataclass(slots=True)
class Difference:
    created: list[ContactCreated] = field(default_factory=list)
    merged: list[ContactsMerged] = field(default_factory=list)
    split: list[ContactSplit] = field(default_factory=list)
    changed: list[ContactChanged] = field(default_factory=list)
    records: dict[str, tuple[str, str | None, int | None]] = field(default_factory=dict)
    """New rows by record: unit, contact, verified at."""
    snapshots: dict[str, str] = field(default_factory=dict)
    """By contact, where it changed."""
    moved: set[str] = field(default_factory=set)
    """Contacts whose set of records changed."""
    gone: set[str] = field(default_factory=set)
    journal: list[Joining] = field(default_factory=list)
    contact_of: dict[str, str] = field(default_factory=dict)


MergeId = Callable[[Blob, str, tuple[str, ...]], str]
"""Names a merge: the blob, the contact it went into, those that were absorbed."""


def compare(blob: Blob, merge_id: MergeId, actors: Mapping[str, str]) -> Difference:
    """What changed in this blob since it was stored. ``actors`` by link."""
    now = blob.current()
    found = Difference(contact_of={one.id: c.id for c in now for one in c.records})
    before: dict[str, list[str]] = {}
    for record, stored in blob.records.items():
        if stored.contact is not None:
            before.setdefault(stored.contact, []).append(record)
    for contact in now:
        _compare_contact(blob, contact, before, found)
    found.gone = set(blob.contacts) - {contact.id for contact in now}
    for record in blob.records:
        if record not in found.contact_of and blob.records[record].contact is not None:
            found.records[record] = (blob.records[record].unit, None, None)
    for fact in blob.added.values():
        if isinstance(fact, Observe) and fact.record not in found.contact_of:
            # Nobody yet, by the space's policy: kept, and found when he becomes somebody.
            found.records.setdefault(fact.record, (fact.unit, None, None))
    _tell_splits(blob, before, found)
    _tell_merges(blob, now, before, found, merge_id, actors)
    return found


def _compare_contact(
    blob: Blob, contact: Contact, before: Mapping[str, list[str]], found: Difference
) -> None:
    joined: list[ContactRecord] = []
    arrived = False
    for record in contact.records:
        proof = proof_of_user(record)
        row = (record.unit, contact.id, proof[0] if proof else None)
        old = blob.records.get(record.id)
        if old is None or (old.unit, old.contact, old.verified_at) != row:
            found.records[record.id] = row
            joined.append(record_of(record))
            arrived = arrived or old is None or old.contact != contact.id
    members = {record.id for record in contact.records}
    left = [one for one in before.get(contact.id, ()) if one not in members]
    snapshot = snapshot_of(contact, blob.rules)
    text = snapshot.model_dump_json()
    stored = blob.contacts.get(contact.id)
    if stored is None:
        kind = cast(Kind, contact.kind)
        found.created.append(ContactCreated(space=blob.space, contact=contact.id, kind=kind))
    if stored is None or stored.snapshot != text or joined or left:
        found.snapshots[contact.id] = text
        if arrived or left:
            found.moved.add(contact.id)
        for start in range(0, max(len(joined), len(left), 1), RECORDS_PER_MESSAGE):
            end = start + RECORDS_PER_MESSAGE
            found.changed.append(
                ContactChanged(
                    space=blob.space,
                    snapshot=snapshot,
                    joined=tuple(joined[start:end]),
                    left=tuple(sorted(left)[start:end]),
                )
            )


def _tell_splits(blob: Blob, before: Mapping[str, list[str]], found: Difference) -> None:
    for contact, members in sorted(before.items()):
        parts = {found.contact_of[one] for one in members if one in found.contact_of}
        if len(parts) > 1:
            found.split.append(
                ContactSplit(
                    space=blob.space,
                    contact=contact,
                    parts=tuple(sorted(parts)),
                    cause=cast(MergeCause, blob.cause),
                    at=instant(blob.at),
                )
            )


def _tell_merges(
    blob: Blob,
    now: list[Contact],
    before: Mapping[str, list[str]],
    found: Difference,
    merge_id: MergeId,
    actors: Mapping[str, str],
) -> None:
    for contact in now:
        stored = (blob.records.get(record.id) for record in contact.records)
        came_from = {one.contact for one in stored if one is not None and one.contact is not None}
        absorbed = sorted(
            old
            for old in came_from & found.gone
            if all(found.contact_of.get(one, contact.id) == contact.id for one in before[old])
        )
        link = next((one for one in contact.links if one.id in actors), None)
        if absorbed and link is not None:
            _join(blob, contact, tuple(absorbed), before, found, merge_id, (link, actors[link.id]))
        else:
            for one in absorbed:
                _join(blob, contact, (one,), before, found, merge_id, None)


def _join(
    blob: Blob,
    contact: Contact,
    absorbed: tuple[str, ...],
    before: Mapping[str, list[str]],
    found: Difference,
    merge_id: MergeId,
    ordered: tuple[Link, str] | None,
) -> None:
    evidence = None if ordered else evidence_of(contact, set(before[absorbed[0]]))
    cause = "operator" if ordered else blob.cause
    if cause == "operator" and not ordered:
        cause = "evidence"
    sides = {one: tuple(sorted(before[one])) for one in absorbed}
    sides[contact.id] = _other_side(blob, contact, {one for side in sides.values() for one in side})
    joining = Joining(
        merge_id(blob, contact.id, absorbed),
        contact.id,
        absorbed,
        cause,
        ordered[0].id if ordered else None,
        blob.at,
        sides,
        evidence,
    )
    found.journal.append(joining)
    found.merged.append(
        ContactsMerged(
            space=blob.space,
            merge=joining.merge,
            into=contact.id,
            absorbed=absorbed,
            cause=cast(MergeCause, cause),
            evidence=evidence,
            link=joining.link,
            actor=ordered[1] if ordered else None,
            at=instant(blob.at),
        )
    )


def _other_side(blob: Blob, contact: Contact, absorbed: set[str]) -> tuple[str, ...]:
    """The records that were known; where none was, those that came with the merge."""
    others = sorted(one.id for one in contact.records if one.id not in absorbed)
    return tuple(one for one in others if one in blob.records) or tuple(others)


def evidence_of(contact: Contact, side: set[str]) -> MergeEvidence | None:
    """The strongest identifier between these records and the others of the contact: as weak as the
    weaker of its two edges.
    """
    inside: dict[int, tuple[int, int]] = {}
    outside: dict[int, tuple[int, int]] = {}
    for number, one in enumerate(contact.taken):
        here = inside if one.edge.record in side else outside
        here[one.node] = min(here.get(one.node, (99, 0)), (one.edge.rank, number))
    both = [max(inside[node], outside[node]) for node in inside.keys() & outside.keys()]
    if not both:
        return None
    edge = contact.taken[min(both)[1]].edge
    return MergeEvidence(
        rank=edge.rank,
        identifier=cast(IdentifierType, edge.type) if edge.type not in ("link", "unit") else None,
        proof=cast(Proof, PROOF_NAMES[edge.proof]),
        fact=edge.fact,
    )
