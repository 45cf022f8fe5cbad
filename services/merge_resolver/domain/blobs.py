"""Connected components of what the facts name: what is apart here can never be one contact."""

from collections.abc import Iterable

from merge_resolver.domain.facts import Identifier, Link, Observe, Separate
from merge_resolver.domain.records import Kept

Name = tuple[str, ...]


class Names:
    """Disjoint sets of names."""

    def __init__(self) -> None:
        self._parent: dict[Name, Name] = {}

    def find(self, name: Name) -> Name:
        parent = self._parent
        while (up := parent.setdefault(name, name)) != name:
            parent[name] = name = parent.setdefault(up, up)
        return name

    def join(self, names: Iterable[Name]) -> None:
        first: Name | None = None
        for name in names:
            root = self.find(name)
            if first is None:
                first = root
            elif root != first:
                self._parent[root] = first


def names_of(fact: Observe | Link | Separate) -> list[Name]:
    """Everything that this fact ties together."""
    match fact:
        case Observe():
            names: list[Name] = [("record", fact.record), ("unit", fact.unit)]
            for one in fact.told:
                if one.key is not None and one.type != "name":
                    names.append((one.type, one.key))
            return names if fact.claim is None else [*names, ("claim", fact.claim)]
        case Link():
            return [("record", fact.left), ("record", fact.right)]
        case Separate():
            return [("record", record) for side in fact.sides for record in side.records]


def split(kept: Kept) -> list[Kept]:
    """The facts of each blob, in no particular order of blobs."""
    names = Names()
    ties: list[Observe | Link | Separate] = [*kept.observations, *kept.links, *kept.separations]
    for tie in ties:
        names.join(names_of(tie))
    found: dict[Name, Kept] = {}

    def of(name: Name) -> Kept:
        return found.setdefault(names.find(name), Kept(revocations=kept.revocations))

    for fact in kept.observations:
        of(("record", fact.record)).observations.append(fact)
    for link in kept.links:
        of(("record", link.left)).links.append(link)
    for cut in kept.separations:
        if cut_names := names_of(cut):
            of(cut_names[0]).separations.append(cut)
    for one in kept.blocked:
        of(tuple(one)).blocked.add(one)
    for one, times in kept.releases.items():
        of(tuple(one)).releases[one] = times
    return list(found.values())


def identifiers_of(fact: Observe) -> set[Identifier]:
    """What leads to the blob of this fact. A claim does too: its verdict may come later."""
    told = {
        Identifier(one.type, one.key)
        for one in fact.told
        if one.key is not None and one.type != "name"
    }
    return told | {Identifier(*one) for one in _claims_of(fact)}


def _claims_of(fact: Observe) -> list[tuple[str, str]]:
    return [] if fact.claim is None else [("claim", fact.claim)]
