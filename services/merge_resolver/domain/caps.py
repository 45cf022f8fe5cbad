"""The work cap: in a cell, the first so many edges of each family count, and the rest does not.

So a crowd makes no work without end. The cap is each family's own, and among claims of one proof it
goes by time: whoever comes later drops nothing that came before, however many addresses he types.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from merge_resolver.domain.edges import Edge
from merge_resolver.domain.rules import FAMILIES

LateFrom = Mapping[str, Edge]
"""By family, where the cap is passed: the first edge that does not count."""
NONE_LATE: Final = MappingProxyType[str, Edge]({})


def is_late(edge: Edge, late_from: LateFrom) -> bool:
    first = late_from.get(FAMILIES[edge.type])
    return first is not None and edge >= first


def find_late(edges: Iterable[Edge], cap: int, before: LateFrom) -> LateFrom:
    """Of all edges that may link. ``before``: as found when there were fewer, where those that were
    late are left out now. With more edges and better proofs it only ever moves to the front.
    """
    by_family: dict[str, list[Edge]] = {}
    for edge in edges:
        by_family.setdefault(FAMILIES[edge.type], []).append(edge)
    found = {one: sorted(those)[cap] for one, those in by_family.items() if len(those) > cap}
    return earlier(found, before)


def earlier(left: LateFrom, right: LateFrom) -> LateFrom:
    """Of each family the first of both."""
    if not left or not right:
        return left or right
    both = {**left, **right}
    return {family: min(left.get(family, edge), edge) for family, edge in both.items()}
