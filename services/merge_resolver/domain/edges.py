"""Step 6: the evidence, strongest first. The sort key has only values that the facts carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from merge_resolver.domain.facts import PROVEN, Identifier, Link
from merge_resolver.domain.records import Record
from merge_resolver.domain.rules import LINKED, SAME_UNIT


class Edge(NamedTuple):
    """Record and identifier (or, by a link, another record). Sorts by its first five values."""

    rank: int
    first: int
    type: str
    key: str
    record: str
    proof: int
    fact: str

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.type, self.key)


@dataclass(frozen=True, slots=True)
class Refused:
    """An edge that was not taken, why, its record, and the first record of each side."""

    edge: Edge
    code: str
    record: int
    left: int
    right: int


def link_edges(links: list[Link], numbers: Mapping[str, int]) -> list[Edge]:
    """Sorted; the other record stands where an identifier's key would."""
    return sorted(
        Edge(LINKED, link.t, "link", max(link.left, link.right), min(link.left, link.right),
             PROVEN, link.id)
        for link in links
        if link.left in numbers and link.right in numbers and link.left != link.right
    )  # fmt: skip


def unit_edges(records: Sequence[Record], account_of: Mapping[int, int]) -> list[Edge]:
    """Before and after signing in, and generations of a unit; not where two accounts took turns."""
    by_unit: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        by_unit.setdefault(record.unit, []).append(number)
    edges: list[Edge] = []
    for unit, members in by_unit.items():
        accounts = {account_of[number] for number in members if number in account_of}
        if len(members) > 1 and len(accounts) < 2:
            for number in members:
                record = records[number]
                edges.append(
                    Edge(SAME_UNIT, record.first, "unit", unit, record.id, PROVEN, _first(record))
                )
    return edges


def _first(record: Record) -> str:
    return min((fact.t, fact.id) for fact in record.facts)[1]
