"""A batch of changes folded to what it leaves behind, so that each row is written once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from contact_schema.changes import (
    ContactChanged,
    ContactErased,
    ContactsMerged,
    ContactSplit,
    Snapshot,
)

Key = tuple[str, str]
"""Space and id."""
Change = ContactChanged | ContactsMerged | ContactSplit | ContactErased


@dataclass
class Folded:
    """Snapshots with their versions, contacts that are no more, and where records are now."""

    snapshots: dict[Key, tuple[Snapshot, int]] = field(default_factory=dict, repr=False)
    gone: set[Key] = field(default_factory=set)
    touched: set[Key] = field(default_factory=set)
    held: dict[Key, str] = field(default_factory=dict)
    left: set[tuple[str, str, str]] = field(default_factory=set)
    """Space, record and the contact that it left."""


def fold_changes(changes: Iterable[tuple[Change, int]], fenced: Collection[Key]) -> Folded:
    """``changes`` with the sequence of each, in order, without those of fenced contacts."""
    folded = Folded()
    for change, version in changes:
        match change:
            case ContactChanged():
                _changed(folded, change, version, fenced)
            case ContactsMerged(held=True) | ContactSplit(held=True):
                pass  # told again, as it is by then, when somebody has released it
            case ContactsMerged():
                _gone(folded, change.space, change.absorbed)
                folded.touched.add((change.space, change.into))
            case ContactSplit():
                folded.touched.update((change.space, part) for part in change.parts)
            case ContactErased():
                _gone(folded, change.space, change.ids)
    folded.touched -= folded.gone
    return folded


def _changed(folded: Folded, change: ContactChanged, version: int, fenced: Collection[Key]) -> None:
    space, contact = change.space, change.snapshot.contact
    key = (space, contact)
    if not change.held:
        folded.snapshots[key] = (change.snapshot, version)
        folded.touched.add(key)
        folded.gone.discard(key)
    for record in change.left:
        if folded.held.get((space, record)) == contact:
            del folded.held[space, record]
        folded.left.add((space, record, contact))
    # A contact is named after one of its records, also where a snapshot is sent again without them
    for record in (contact, *(one.record for one in change.joined)):
        if (space, record) not in fenced:
            folded.held[space, record] = contact


def _gone(folded: Folded, space: str, contacts: Iterable[str]) -> None:
    for contact in contacts:
        folded.gone.add((space, contact))
        folded.snapshots.pop((space, contact), None)
