"""What a batch came to: messages out, rows in, one statement for each kind of row."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from contact_schema.changes import ContactChanged, ContactsHeld, ContactSplit
from contact_schema.records import opaque_id
from merge_resolver import store
from merge_resolver.domain.alarms import alarm_of
from merge_resolver.domain.blobs import identifiers_of
from merge_resolver.domain.bodies import body_of, identifier_of, record_of
from merge_resolver.domain.differences import Difference, Joining, compare
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.snapshot import instant
from merge_resolver.domain.working import Blob, Book
from service_kit.tx import Received, Sequenced, Tx

Undone = Mapping[store.Key, Sequence[str]]
"""Merges taken back, by the contact that came apart."""
KeyOf = Callable[[str], bytes]
"""The key of a space."""


@dataclass(slots=True)
class Saved:
    """By space and record: the contact it is in now; and the merges that operators' links made."""

    contact_of: dict[tuple[str, str], str] = field(default_factory=dict)
    merges: dict[str, str] = field(default_factory=dict)


async def save(
    tx: Tx,
    books: Collection[Book],
    key_of: KeyOf,
    causes: Mapping[int, Received[Any]],
    actors: Mapping[str, str],
    undone: Collection[store.Key] = (),
) -> Saved:
    """``causes`` are the last messages that touched each blob, by its identity; ``undone`` the
    merges that commands took back.
    """
    touched = [blob for book in books for blob in book.blobs() if blob.touched]

    def merge_id(blob: Blob, into: str, absorbed: tuple[str, ...]) -> str:
        return opaque_id(key_of(blob.space), "merge", into, *absorbed, blob.at)

    differences = [(blob, compare(blob, merge_id, actors)) for blob in touched]
    await _hold(tx, differences, key_of)
    await _save_facts(tx, touched)
    await _save_decisions(tx, books)
    await _save_contacts(tx, differences)
    taken_back = await _undo_merges(tx, differences, undone)
    saved = Saved()
    for blob, found in differences:
        _emit(tx, blob, found, taken_back, causes.get(id(blob)))
        saved.contact_of |= {(blob.space, one): c for one, c in found.contact_of.items()}
        saved.merges |= {one.link: one.merge for one in found.journal if one.link}
    return saved


async def _save_facts(tx: Tx, touched: Iterable[Blob]) -> None:
    facts, gone, renamed = [], [], []
    identifiers: dict[tuple[str, str, str], str] = {}
    for blob in touched:
        renamed += [(blob.space, old, blob.id) for old in sorted(blob.merged_ids)]
        gone += [(blob.space, fact) for fact in blob.removed]
        for fact in blob.added.values():
            body = orjson.dumps(body_of(fact), default=list).decode()
            kind = type(fact).__name__
            facts.append((blob.space, fact.id, record_of(fact), kind, fact.t, body))
            if isinstance(fact, Observe):
                for one in identifiers_of(fact):
                    identifiers[blob.space, one.type, one.key] = blob.id
    await store.rename_blobs_of_records(tx, renamed)
    await store.rename_blobs_of_identifiers(tx, renamed)
    await store.rename_blobs_of_holds(tx, renamed)
    await store.delete_facts(tx, gone)
    await store.upsert_facts(tx, facts)
    await store.insert_identifiers(tx, [(*key, blob) for key, blob in identifiers.items()])


async def _save_decisions(tx: Tx, books: Iterable[Book]) -> None:
    """About identifiers, whether or not anybody has them yet."""
    made = [
        (book.space, fact.id, type(fact).__name__, *identifier_of(fact), t)
        for book in books
        for fact, t in book.made.values()
    ]
    await store.delete_decisions(tx, [(book.space, one) for book in books for one in book.unmade])
    await store.insert_decisions(tx, made)


async def _save_contacts(tx: Tx, differences: list[tuple[Blob, Difference]]) -> None:
    records = [
        (blob.space, record, row[0], blob.id, *row[1:])
        for blob, found in differences
        for record, row in found.records.items()
    ]
    snapshots = [
        (blob.space, contact, text)
        for blob, found in differences
        for contact, text in found.snapshots.items()
    ]
    gone = [(blob.space, one) for blob, found in differences for one in found.gone]
    merges = [_merge_row(blob, one) for blob, found in differences for one in found.journal]
    await store.upsert_records(tx, records)
    await store.delete_contacts(tx, gone)
    await store.upsert_contacts(tx, snapshots)
    await store.insert_merges(tx, merges)
    if snapshots:
        _mark_versions_later(tx, differences)


async def _hold(tx: Tx, differences: list[tuple[Blob, Difference]], key_of: KeyOf) -> None:
    """Nothing outside is told of a blob with which something is out of the ordinary."""
    alarms = [
        (blob, alarm)
        for blob, found in differences
        if not blob.held and (alarm := alarm_of(blob, found)) is not None
    ]
    heaps = {(b.space, name) for b, a in alarms if a.reason == "work-cap" for name in _names(b)}
    looked_at = await store.find_holds_of(tx, heaps)
    for blob, alarm in alarms:
        if any((blob.space, name) in looked_at for name in _names(blob)):
            continue
        blob.held, at = True, instant(blob.at)
        hold = opaque_id(key_of(blob.space), "hold", blob.id, alarm.reason, blob.at)
        row = (blob.space, hold, blob.id, alarm.reason, alarm.fact, alarm.contacts, at)
        await store.insert_hold(tx, *row)
        tx.emit(
            ContactsHeld(
                space=blob.space,
                hold=hold,
                reason=alarm.reason,
                fact=alarm.fact,
                contacts=alarm.contacts,
                at=at,
            )
        )
    for blob, found in differences:
        if blob.held:
            mark: dict[str, Any] = {"held": True}
            found.merged = [one.model_copy(update=mark) for one in found.merged]
            found.split = [one.model_copy(update=mark) for one in found.split]
            found.changed = [one.model_copy(update=mark) for one in found.changed]


def _names(blob: Blob) -> set[str]:
    return {blob.id, *blob.merged_ids}


def _mark_versions_later(tx: Tx, differences: list[tuple[Blob, Difference]]) -> None:
    mine = {id(one) for _, found in differences for one in found.changed}
    moved = {(blob.space, one) for blob, found in differences for one in found.moved}

    async def mark(tx: Tx, sequenced: Sequenced) -> None:
        versions: dict[tuple[str, str], int] = {}
        for message, sequence in sequenced:
            if id(message) in mine and isinstance(message, ContactChanged):
                versions[message.space, message.snapshot.contact] = sequence
        await store.mark_versions(
            tx, [(*place, version, place in moved) for place, version in versions.items()]
        )

    tx.after_sequencing(mark)


def _merge_row(blob: Blob, joining: Joining) -> dict[str, Any]:
    evidence = joining.evidence
    return {
        "space": blob.space,
        "merge": joining.merge,
        "into_contact": joining.into,
        "absorbed": joining.absorbed,
        "cause": joining.cause,
        "link": joining.link,
        "rules_version": blob.rules.version,
        "evidence": None if evidence is None else evidence.model_dump(),
        "sides": joining.sides,
        "at": instant(joining.at).isoformat(),
    }


async def _undo_merges(
    tx: Tx, differences: list[tuple[Blob, Difference]], named: Collection[store.Key]
) -> Undone:
    """Merges of whose sides nothing is together any more, by the contact that came apart: first
    those that somebody wanted undone, then the latest.
    """
    split = {
        (blob.space, record): (blob, found)
        for blob, found in differences
        if found.split
        for record in blob.records
    }
    undone: dict[store.Key, list[str]] = {}
    rows = []
    for row in await store.find_standing_merges(tx, list(split)):
        space, merge = row["space"], row["merge"]
        blob, found = split[space, row["into_contact"]]
        sides = list(orjson.loads(row["sides"]).values())
        if _is_over(sides, found):
            for contact in _held_both(sides, blob):
                place = 0 if (space, merge) in named else len(undone.get((space, contact), ()))
                undone.setdefault((space, contact), []).insert(place, merge)
            rows.append((space, merge, instant(blob.at)))
    await store.mark_undone(tx, rows)
    return undone


def _is_over(sides: list[list[str]], found: Difference) -> bool:
    """No record of one side is with one of another. What was erased is with nobody."""
    seen: set[str] = set()
    for side in sides:
        here = {found.contact_of[one] for one in side if one in found.contact_of}
        if here & seen:
            return False
        seen |= here
    return True


def _held_both(sides: list[list[str]], blob: Blob) -> set[str]:
    """The contacts in which records of several sides were before."""
    before = [{blob.records[one].contact for one in side if one in blob.records} for side in sides]
    return {
        one
        for number, side in enumerate(before)
        for one in side
        if one is not None and any(one in other for other in before[number + 1 :])
    }


def _emit(
    tx: Tx,
    blob: Blob,
    found: Difference,
    undone: Undone,
    cause: Received[Any] | None,
) -> None:
    tx.emit(*found.created, *found.merged, cause=cause)
    for split in found.split:
        merges = undone.get((blob.space, split.contact))
        tx.emit(_undone(split, merges) if merges else split, cause=cause)
    tx.emit(*found.changed, cause=cause)


def _undone(split: ContactSplit, merges: Sequence[str]) -> ContactSplit:
    return split.model_copy(update={"undone": merges[0], "undone_too": tuple(merges[1:])})
