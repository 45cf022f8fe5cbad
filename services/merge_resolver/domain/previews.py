"""What a decision would do: the same function, on a book that nobody keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contact_schema.commands import (
    BlockIdentifier,
    LinkRecords,
    ReleaseIdentifier,
    RetractFacts,
    RevokeProof,
    SeparateRecords,
)
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.decisions import Desk
from merge_resolver.domain.ends import Done
from merge_resolver.domain.facts import Separate
from merge_resolver.domain.fold import Won, fold, order_of
from merge_resolver.domain.separations import Merged, records_in, separations_between
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.domain.working import Blob, Book

Json = dict[str, Any]
Partition = dict[str, frozenset[str]]
"""By contact: its records."""


_OWN_RULES = {"email": "primary", "phone": "primary", "external_id": "earliest"}


@dataclass(slots=True)
class MergePreview:
    blocked_by: list[Json] = field(default_factory=list)
    contact: Contact | None = None
    blob: Blob | None = None
    fields: dict[str, Json] = field(default_factory=dict)
    will_also: list[str] = field(default_factory=list)


def preview_merge(book: Book, order: LinkRecords, left: Contact, right: Contact) -> MergePreview:
    """As if the separations in its way were lifted; they are named in ``blocked_by``."""
    blobs = [blob for one in (left, right) if (blob := book.find(one.id)) is not None]
    blob = book.tie(blobs)
    if blob is None or left.id == right.id:
        return MergePreview([{"code": "same-contact"}])
    found = MergePreview(blob=blob)
    cuts = separations_between(blob, left, right)
    found.blocked_by = [
        {"code": "separated", "decision_id": one.id} for one in cuts if one.id not in order.lift
    ]
    before = partition_of(blob)
    shown = {one.id: _values(blob, one) for one in (left, right)}
    lifted = tuple({one.id for one in cuts} | set(order.lift))
    done = Desk(book, fact_id=str).decide(order.model_copy(update={"lift": lifted}))
    if done.outcome == "refused":
        found.blocked_by = found.blocked_by or [{"code": done.code}]
        return found
    found.contact = blob.contact_with(left.id)
    if found.contact is not None:
        found.fields = _compared(shown[left.id], shown[right.id], _values(blob, found.contact))
    found.will_also = changed_beside(before, partition_of(blob), {left.id, right.id})
    return found


def partition_of(blob: Blob) -> Partition:
    return {one.id: frozenset(record.id for record in one.records) for one in blob.current()}


def changed_beside(before: Partition, after: Partition, expected: Iterable[str]) -> list[str]:
    """Other contacts that would not stay as they are."""
    stays = set(after.values())
    return sorted(
        one for one, records in before.items() if one not in set(expected) and records not in stays
    )


def _values(blob: Blob, contact: Contact) -> dict[str, tuple[Any, Won | None]]:
    """What the contact shows in each field, and who says so where the fold knows."""
    snapshot = snapshot_of(contact, blob.rules)
    won = fold(contact).fields
    shown: dict[str, tuple[Any, Won | None]] = {
        name: (getattr(snapshot, name), won.get(name))
        for name in ("external_id", "name", "company", "email", "phone")
    }
    shown["audience"] = (snapshot.audience.value, None)
    for name, value in snapshot.custom_attributes.items():
        shown[f"attr.{name}"] = (value, won.get(f"attr.{name}"))
    shown["tags"] = (list(snapshot.tags) or None, None)
    return shown


def _compared(
    left: Mapping[str, tuple[Any, Won | None]],
    right: Mapping[str, tuple[Any, Won | None]],
    result: Mapping[str, tuple[Any, Won | None]],
) -> dict[str, Json]:
    nothing = (None, None)
    found = {}
    for name in (*left, *(one for one in right if one not in left)):
        mine, theirs = left.get(name, nothing), right.get(name, nothing)
        if mine[0] is not None or theirs[0] is not None:
            found[name] = {
                "left": mine[0],
                "right": theirs[0],
                "result": result.get(name, nothing)[0],
                "why": _reason(name, mine, theirs, result.get(name, nothing)),
            }
    return found


def _reason(
    name: str,
    left: tuple[Any, Won | None],
    right: tuple[Any, Won | None],
    result: tuple[Any, Won | None],
) -> str:
    if order_of(left[0]) == order_of(right[0]):
        return "same"
    if left[0] is None or right[0] is None:
        return "only-one"
    if name == "tags":
        return "both"
    picked = result[1] is not None and result[1] not in (left[1], right[1])
    if picked and name not in ("email", "phone"):
        return "picked"
    if left[1] is None or right[1] is None:
        return _OWN_RULES.get(name, "rules")
    return "later" if left[1].field_class == right[1].field_class else "stronger-source"


@dataclass(slots=True)
class UndoPreview:
    blocked_by: list[Json] = field(default_factory=list)
    contacts: list[tuple[Blob, Contact]] = field(default_factory=list)
    shared: list[Json] = field(default_factory=list)
    will_also: list[str] = field(default_factory=list)


def preview_undo(book: Book, order: RetractFacts | SeparateRecords, merged: Merged) -> UndoPreview:
    blob = book.tie({one for r in records_in(merged.sides) if (one := book.find(r)) is not None})
    if blob is None:
        return UndoPreview([{"code": "part-erased"}])
    before = partition_of(blob)
    names = {merged.merge: merged} | ({merged.link: merged} if merged.link else {})
    done = Desk(book, fact_id=str, merges=names).decide(order)
    if done.outcome == "refused":
        return UndoPreview([{"code": done.code}])
    found = UndoPreview(contacts=_parts(blob, done))
    found.shared = _kept(blob, found.contacts)
    apart = {record.id for _, one in found.contacts for record in one.records}
    expected = {one for one, records in before.items() if records & apart}
    found.will_also = changed_beside(before, partition_of(blob), expected)
    return found


def _parts(blob: Blob, done: Done) -> list[tuple[Blob, Contact]]:
    parts = {one.id: one for part in done.parts if (one := blob.contact_with(part)) is not None}
    return [(blob, parts[one]) for one in sorted(parts)]


def _kept(blob: Blob, parts: Iterable[tuple[Blob, Contact]]) -> list[Json]:
    """What several of them claim, and whose it will be: an owner can be named for each."""
    cut = max(
        (one for one in blob.added.values() if isinstance(one, Separate)),
        key=lambda one: (one.t, one.id),
        default=None,
    )
    if cut is None:
        return []
    home = {record.id: part.id for _, part in parts for record in part.records}
    return [
        {"identifier": str(one), "owner": owner}
        for side in cut.sides
        for one in sorted(side.identifiers)
        if one.type != "unit"
        for owner in [next((home[r] for r in side.records if r in home), None)]
    ]


AboutIdentifier = BlockIdentifier | ReleaseIdentifier | RevokeProof


@dataclass(slots=True)
class ChangePreview:
    blocked_by: list[Json] = field(default_factory=list)
    contacts: list[tuple[Blob, Contact]] = field(default_factory=list)
    """Those that would be new or look different."""
    splits: list[list[str]] = field(default_factory=list)
    """Each contact that would come apart, then those that its records would be in."""


def preview_about_identifier(book: Book, order: AboutIdentifier) -> ChangePreview:
    """Over all contacts that have the identifier, or the user id."""
    blobs = book.blobs()
    before = {one.id: snapshot_of(one, blob.rules) for blob in blobs for one in blob.current()}
    held = [partition for blob in blobs for partition in partition_of(blob).items()]
    done = Desk(book, fact_id=str).decide(order)
    if done.outcome == "refused":
        return ChangePreview([{"code": done.code}])
    then = [(blob, one) for blob in blobs for one in blob.current()]
    home = {record.id: one.id for _, one in then for record in one.records}
    found = ChangePreview()
    found.contacts = [
        (blob, one) for blob, one in then if before.get(one.id) != snapshot_of(one, blob.rules)
    ]
    for contact, records in sorted(held):
        parts = sorted({home[one] for one in records if one in home})
        if len(parts) > 1:
            found.splits.append([contact, *parts])
    return found
