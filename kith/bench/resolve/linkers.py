"""Other ways to link the same records, and the best that is possible: each a group by record."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from merge_resolver.domain.facts import Observe

Groups = dict[str, object]

STRONGEST_FIRST: Final = (
    "user", "unit", "crm", "email", "whatsapp", "phone", "session", "browser",
)  # fmt: skip
_STRENGTH: Final = {kind: number for number, kind in enumerate(STRONGEST_FIRST)}


def components(facts: Iterable[Observe]) -> Groups:
    """Plain connected components: whoever shares anything is one."""
    return _components(facts, lambda _record: 0)


def oracle(facts: Iterable[Observe], person_of: Mapping[str, int]) -> Groups:
    """Somebody who knows the truth joins what shares anything and is one person: no linker that
    goes by what records share finds more.
    """
    return _components(facts, person_of.__getitem__)


def _components(facts: Iterable[Observe], realm: Callable[[str], int]) -> Groups:
    parent: dict[object, object] = {}

    def find(node: object) -> object:
        while (up := parent.setdefault(node, node)) != node:
            parent[node] = node = parent.setdefault(up, up)
        return node

    records = set()
    for fact in facts:
        records.add(fact.record)
        within = realm(fact.record)
        root = find(fact.record)
        for one in _shared(fact):
            other = find((within, *one))
            parent[other] = root
    return {record: find(record) for record in records}


def greedy(facts: Iterable[Observe]) -> Groups:
    """In order of arrival: the first event of a record decides, by its strongest identifier that
    is known; nothing is ever joined later.
    """
    group_of: Groups = {}
    owner: dict[tuple[str, str], object] = {}
    for fact in facts:
        shared = sorted(_shared(fact), key=lambda one: _STRENGTH[one[0]])
        group = group_of.get(fact.record)
        if group is None:
            known = (owner[one] for one in shared if one in owner)
            group = group_of[fact.record] = next(known, fact.record)
        for one in shared:
            owner.setdefault(one, group)
    return group_of


def _shared(fact: Observe) -> list[tuple[str, str]]:
    told = [(one.type, one.key) for one in fact.told if one.key is not None]
    return [*told, ("unit", fact.unit)]
