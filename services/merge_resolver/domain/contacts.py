"""Step 8: the groups are the contacts; which id each has, and what speaks for and against it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from merge_resolver.domain.edges import Edge, Refused
from merge_resolver.domain.facts import Identifier, Link
from merge_resolver.domain.records import Kept, Record
from merge_resolver.domain.resolution import Outcome, Taken, evaluate_records
from merge_resolver.domain.rules import Rules

_BY_IDENTIFIER = frozenset({"policy", "contested"})
"""Refused before a second side was met: whoever else claims the identifier is the other side."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """These two known contacts may be one person."""

    other: str
    code: str
    edge: Edge


@dataclass(frozen=True, eq=False)
class Contact:
    id: str
    records: tuple[Record, ...]
    links: tuple[Link, ...] = ()
    edges: Callable[[], tuple[Taken, ...]] = tuple
    """Who asks why pays for it: what the fast path finds has not sorted its edges."""
    refused: tuple[Refused, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    @cached_property
    def taken(self) -> tuple[Taken, ...]:
        return self.edges()

    @cached_property
    def identifiers(self) -> tuple[Identifier, ...]:
        """What belongs to it. One that has an owner for each period is in several contacts."""
        edges = (one.edge for one in self.taken)
        return tuple(sorted({one.identifier for one in edges if one.type not in ("link", "unit")}))

    @property
    def kind(self) -> str:
        if any(record.holds_account for record in self.records):
            return "customer"
        return "lead" if any(record.known for record in self.records) else "anonymous"


def founder(records: Iterable[Record], links: Iterable[Link]) -> str:
    """Whose id the contact has: the survivor picked last, else the earliest record that holds an
    account or an external id, else the earliest.
    """
    members = {record.id: record for record in records}
    picked = [(one.t, one.id, one.survivor) for one in links if one.survivor in members]
    if picked:
        return str(max(picked)[2])
    first = min(members.values(), key=lambda one: (not one.holds_account, one.first, one.id))
    return first.id


def plain_contact(records: Sequence[Record], rules: Rules) -> Contact:
    """The contact of a blob in which no edge is refused."""

    def edges() -> tuple[Taken, ...]:
        ordered = sorted(records, key=lambda one: one.id)
        return tuple(evaluate_records(ordered, Kept(), rules).taken)

    if len(records) == 1:
        return Contact(records[0].id, tuple(records), edges=edges)
    by_time = sorted(records, key=lambda one: (one.first, one.id))
    return Contact(founder(by_time, ()), tuple(by_time), edges=edges)


def contacts_of(outcome: Outcome, links: Iterable[Link]) -> list[Contact]:
    """Sorted by id."""
    groups, records = outcome.groups, outcome.records
    members: dict[int, list[Record]] = {}
    for number, record in enumerate(records):
        members.setdefault(groups.root(number), []).append(record)
    taken: dict[int, list[Taken]] = {root: [] for root in members}
    for one in outcome.taken:
        taken[groups.root(one.record)].append(one)
    refused: dict[int, list[Refused]] = {root: [] for root in members}
    for no in outcome.refused:
        refused[groups.root(no.record)].append(no)
    within = _links_within(outcome, links)
    ids = {root: founder(those, within.get(root, ())) for root, those in members.items()}
    suggestions = _suggestions(outcome, ids)
    found = [
        Contact(
            ids[root],
            tuple(sorted(those, key=lambda one: (one.first, one.id))),
            tuple(within.get(root, ())),
            partial(tuple, taken[root]),
            tuple(refused[root]),
            suggestions.get(root, ()),
        )
        for root, those in members.items()
    ]
    return sorted(found, key=lambda contact: contact.id)


def _links_within(outcome: Outcome, links: Iterable[Link]) -> dict[int, list[Link]]:
    """The links that hold, by group: one refused by a separation carries nothing."""
    numbers = {record.id: number for number, record in enumerate(outcome.records)}
    within: dict[int, list[Link]] = {}
    for link in sorted(links, key=lambda one: (one.t, one.id)):
        if link.left in numbers and link.right in numbers:
            root = outcome.groups.root(numbers[link.left])
            if root == outcome.groups.root(numbers[link.right]):
                within.setdefault(root, []).append(link)
    return within


def _suggestions(outcome: Outcome, ids: Mapping[int, str]) -> dict[int, tuple[Suggestion, ...]]:
    groups = outcome.groups
    found: dict[int, dict[tuple[str, str], Suggestion]] = {}
    for no in outcome.refused:
        for other in _other_sides(no, outcome):
            left, right = groups.root(no.left), groups.root(other)
            if left == right or not (groups.holding(left).known and groups.holding(right).known):
                continue
            for one, two in ((left, right), (right, left)):
                here = found.setdefault(one, {})
                here.setdefault((ids[two], no.code), Suggestion(ids[two], no.code, no.edge))
    return {root: tuple(here[key] for key in sorted(here)) for root, here in found.items()}


def _other_sides(no: Refused, outcome: Outcome) -> list[int]:
    if no.code in _BY_IDENTIFIER:
        claimants = outcome.claimants[no.edge.identifier]
        return [number for number, _ in claimants[:20] if number != no.left]
    return [no.right] if outcome.groups.root(no.right) < len(outcome.records) else []
