"""How two sides come apart: which records stand on which, and who keeps what they share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contact_schema import commands
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import Identifier, Separate, Side
from merge_resolver.domain.records import Record
from merge_resolver.domain.working import Blob

Sides = Mapping[str, Sequence[str]]
"""By contact: its records as they were when a merge joined it."""


class UnknownOwnerError(Exception):
    """An owner that is on no side, or an identifier that no side claims."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge of the journal that somebody wants undone."""

    merge: str
    sides: Sides = field(default_factory=dict)
    link: str | None = None
    undone: bool = False


def living_sides(sides: Sides, records: Iterable[str]) -> list[tuple[str, ...]]:
    """The sides without the records that are not there any more."""
    here = frozenset(records)
    return [tuple(one for one in side if one in here) for side in sides.values()]


def records_in(sides: Sides) -> list[str]:
    return [record for side in sides.values() for record in side]


def separations_between(blob: Blob, left: Contact, right: Contact) -> list[Separate]:
    """Those that keep these two apart, the earliest first."""
    found = []
    for fact in blob.facts.values():
        if isinstance(fact, Separate):
            ours, theirs = _sides_of(fact, left), _sides_of(fact, right)
            if any(one != other for one in ours for other in theirs):
                found.append(fact)
    return sorted(found, key=lambda one: (one.t, one.id))


def _sides_of(fact: Separate, contact: Contact) -> set[int]:
    members = {record.id for record in contact.records}
    held = set(contact.identifiers)
    return {
        number
        for number, side in enumerate(fact.sides)
        if members.intersection(side.records) or held.intersection(side.identifiers)
    }


def cut(
    blob: Blob,
    fact: str,
    t: int,
    sides: Sequence[Sequence[str]],
    owners: Mapping[Identifier, int],
    *,
    holds: bool = False,
) -> Separate:
    """Each shared identifier goes to the side with the stronger, then later claim, unless said.

    ``owners`` by the number of the side. Raises UnknownOwnerError.
    """
    best = shared_claims(blob, sides, units=holds)
    if holds and not owners.keys() <= best.keys():
        raise UnknownOwnerError
    kept: dict[int, list[Identifier]] = {}
    for one, claims in sorted(best.items()):
        if len(claims) > 1 or one in owners:
            stronger = max(claims, key=lambda side: (claims[side], -side))
            kept.setdefault(owners.get(one, stronger), []).append(one)
    return Separate(
        fact,
        t,
        tuple(Side(tuple(side), tuple(kept.get(number, ()))) for number, side in enumerate(sides)),
        holds,
    )


def shared_claims(
    blob: Blob, sides: Sequence[Sequence[str]], *, units: bool
) -> dict[Identifier, dict[int, tuple[int, int]]]:
    """By identifier and side: the best proof and the last time. A unit is shared as well, when its
    records must stay together.
    """
    where = {record: number for number, side in enumerate(sides) for record in side}
    best: dict[Identifier, dict[int, tuple[int, int]]] = {}
    for contact in blob.current():
        for record in contact.records:
            if record.id in where:
                for one, claimed in _claims(record, units=units):
                    here = best.setdefault(one, {})
                    side = where[record.id]
                    here[side] = max(claimed, here.get(side, claimed))
    return best


def _claims(record: Record, *, units: bool) -> Iterable[tuple[Identifier, tuple[int, int]]]:
    for one, claim in record.claims.items():
        yield one, (claim.proof, claim.last)
    if units:
        yield Identifier("unit", record.unit), (0, record.last)


def owning_sides(
    owners: Iterable[commands.Owner], sides: Sequence[Sequence[str]]
) -> dict[Identifier, int]:
    """The number of the side that each owner is on. Raises UnknownOwnerError."""
    where = {record: number for number, side in enumerate(sides) for record in side}
    try:
        return {Identifier(one.type, one.key): where[one.contact] for one in owners}
    except KeyError:
        raise UnknownOwnerError from None
