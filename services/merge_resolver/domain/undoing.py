"""Undo: an order is taken back, what evidence joined is told apart."""

from collections.abc import Callable, Mapping

from contact_schema.commands import RetractFacts, SeparateRecords
from merge_resolver.domain import bodies
from merge_resolver.domain.ends import Done, Refused
from merge_resolver.domain.facts import Link
from merge_resolver.domain.separations import (
    Merged,
    Sides,
    UnknownOwnerError,
    cut,
    living_sides,
    owning_sides,
)
from merge_resolver.domain.snapshot import microseconds
from merge_resolver.domain.working import Blob, Book


def undo_evidence(book: Book, command: SeparateRecords, merged: Merged | None) -> Done:
    """Of a merge that evidence made. Raises Refused, UnknownOwnerError."""
    if merged is None:
        raise Refused("not-found")
    blobs = {
        blob
        for side in merged.sides.values()
        for record in side
        if (blob := book.find(record)) is not None
    }
    blob = book.tie(blobs)
    sides = _living_sides(blob, merged.sides) if blob else []
    seen = blob.visible() if blob else set()
    first = tuple(next((one for one in side if one in seen), "") for side in sides)
    if blob is None or len(sides) < 2 or not all(first):
        raise Refused("part-erased")
    if merged.undone:
        return Done("unchanged", first[0], parts=first, undone=merged.merge)
    owners = owning_sides(command.owners, sides)
    blob.add(cut(blob, command.fact, microseconds(command.at), sides, owners, holds=True))
    blob.cause = "undo"
    return Done("updated", first[0], parts=first, undone=merged.merge)


def retract(
    book: Book,
    command: RetractFacts,
    merges: Mapping[str, Merged],
    separation: Callable[[], str],
) -> Done:
    """``separation`` names the one that keeps sides apart. Raises Refused, UnknownOwnerError."""
    if _take_back(book, command):
        return Done("updated")
    found = [(fact, blob) for one in command.facts for fact, blob in _homes(book, one)]
    if not found:
        raise Refused("not-found")
    for fact, blob in found:
        if isinstance(fact, Link) and blob.fenced & {fact.left, fact.right}:
            raise Refused("part-erased")
    parts: list[str] = []
    undone = None
    for fact, blob in found:
        blob.remove(fact.id)
        if isinstance(fact, Link):
            merged = merges.get(fact.id, Merged(""))
            undone = merged.merge or None
            parts += [fact.left, fact.right]
            if command.keep_apart:
                try:
                    _keep_apart(command, separation(), blob, fact, merged.sides)
                except UnknownOwnerError:
                    blob.add(fact)
                    raise
        blob.cause, blob.at = "undo", max(blob.at, microseconds(command.at))
    record = parts[0] if parts else bodies.record_of(found[0][0])
    return Done("updated", record, parts=tuple(parts), undone=undone)


def _homes(book: Book, fact: str) -> list[tuple[bodies.Kept, Blob]]:
    return [(one, blob) for blob in book.blobs() for one in blob.kept() if one.id == fact]


def _take_back(book: Book, command: RetractFacts) -> bool:
    """What was decided about identifiers. False if that is none of it."""
    decided = [one for name in command.facts if (one := book.decision(name)) is not None]
    for fact in decided:
        book.undecide(fact, microseconds(command.at))
    return bool(decided)


def _keep_apart(
    command: RetractFacts, separation: str, blob: Blob, link: Link, sides: Sides
) -> None:
    together = blob.contact_with(link.left)
    joined = together is not None and any(one.id == link.right for one in together.records)
    if not joined and not command.owners:
        return
    groups = [one for one in _living_sides(blob, sides) if one]
    if len(groups) < 2:
        groups = [(link.left,), (link.right,)]
    owners = owning_sides(command.owners, groups)
    blob.add(cut(blob, separation, microseconds(command.at), groups, owners, holds=True))


def _living_sides(blob: Blob, sides: Sides) -> list[tuple[str, ...]]:
    """Also with what is only hidden: it comes back to its own side."""
    return living_sides(sides, blob.visible() | blob.fenced)
