"""Step 8: the groups are the contacts; which id each has, and what speaks for and against it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from typing import NamedTuple

from merge_resolver.domain.caps import NONE_LATE, LateFrom
from merge_resolver.domain.edges import Edge, Refused
from merge_resolver.domain.facts import Identifier, Link
from merge_resolver.domain.modes import Mode
from merge_resolver.domain.records import Kept, Record
from merge_resolver.domain.resolution import BY_IDENTIFIER, Outcome, Taken, evaluate_records
from merge_resolver.domain.rules import Rules


@dataclass(frozen=True, slots=True)
class Suggestion:
    """These two known contacts may be one person."""

    other: str
    code: str
    edge: Edge


class Evidence(NamedTuple):
    taken: tuple[Taken, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True, eq=False)
class Contact:
    id: str
    records: tuple[Record, ...]
    links: tuple[Link, ...] = ()
    evidence: Callable[[], Evidence] = Evidence
    """Who asks why pays for it: what the fast path finds has not sorted its edges."""
    suggestions: tuple[Suggestion, ...] = ()

    @cached_property
    def _evidence(self) -> Evidence:
        return self.evidence()

    @property
    def taken(self) -> tuple[Taken, ...]:
        return self._evidence.taken

    @property
    def refused(self) -> tuple[Refused, ...]:
        return self._evidence.refused

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


_came = attrgetter("first", "id")


def founder(records: Iterable[Record], links: Iterable[Link]) -> str:
    """Whose id the contact has: the survivor picked last, else the earliest record that holds an
    account or an external id, else the earliest.
    """
    members = {record.id: record for record in records}
    picked = [(one.t, one.id, one.survivor) for one in links if one.survivor in members]
    if picked:
        return str(max(picked)[2])
    return earliest(sorted(members.values(), key=_came)).id


def earliest(by_time: Sequence[Record]) -> Record:
    """The first that holds an account or an external id, else the first."""
    return next((one for one in by_time if one.holds_account), by_time[0])


def plain_contact(
    records: Sequence[Record],
    rules: Rules,
    modes: Mapping[Identifier, Mode] | None = None,
    late_from: LateFrom = NONE_LATE,
    kept: Kept | None = None,
) -> Contact:
    """The contact of records in which no edge that could join two of them is refused."""

    def evidence() -> Evidence:
        ordered = sorted(records, key=lambda one: one.id)
        found = evaluate_records(ordered, kept or Kept(), rules, modes, late_from)
        return Evidence(tuple(found.taken), tuple(found.refused))

    if len(records) == 1:
        return Contact(records[0].id, tuple(records), (), evidence)
    by_time = tuple(sorted(records, key=_came))
    return Contact(earliest(by_time).id, by_time, (), evidence)


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
            tuple(sorted(those, key=_came)),
            tuple(within.get(root, ())),
            partial(Evidence, tuple(taken[root]), tuple(refused[root])),
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
    if no.code in BY_IDENTIFIER:
        return [number for number in outcome.rivals[no.edge.identifier] if number != no.left]
    return [no.right] if outcome.groups.root(no.right) < len(outcome.records) else []
