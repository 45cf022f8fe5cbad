"""Step 7: union-find, with what each group holds, so that an edge can be refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from merge_resolver.domain.facts import Identifier
from merge_resolver.domain.records import Record
from merge_resolver.domain.rules import (
    FAMILIES,
    PROVEN_ADDRESS,
    PROVEN_EMAIL,
    SAME_BROWSER,
    UNPROVEN_PHONES,
    Rules,
)


@dataclass(slots=True)
class Holding:
    """What a group holds that an edge is judged by."""

    account: int | None = None
    known: bool = False
    values: dict[str, set[str]] = field(default_factory=dict)
    sides: dict[str, int] = field(default_factory=dict)

    def absorb(self, other: "Holding") -> None:
        self.account = other.account if self.account is None else self.account
        self.known = self.known or other.known
        for family, values in other.values.items():
            mine = self.values.get(family)
            self.values[family] = values if mine is None else mine | values
        self.sides.update(other.sides)


def holding_of(record: Record, blocked: set[Identifier], limits: Mapping[str, int]) -> Holding:
    held = Holding(known=record.known)
    for one in record.claims:
        family = FAMILIES[one.type]
        if family in limits and one not in blocked:
            held.values.setdefault(family, set()).add(str(one))
    return held


def refusal(rank: int, left: Holding, right: Holding, rules: Rules) -> str | None:
    """Why an edge of this rank must not join these two groups, or none."""
    if any(right.sides.get(cut, side) != side for cut, side in left.sides.items()):
        return "separated"
    if rank >= PROVEN_EMAIL and _are_two(left.account, right.account):
        return "different-accounts"
    if rank >= PROVEN_ADDRESS:
        for family, limit in rules.limits_per_contact.items():
            ours, theirs = left.values.get(family), right.values.get(family)
            if ours and theirs and len(ours) + len(theirs) > limit:
                together = len(ours | theirs)
                if together > limit and together > max(len(ours), len(theirs)):
                    return f"limit-{family}"
    if rank in UNPROVEN_PHONES and left.values.get("email") and right.values.get("email"):
        return "different-emails"
    if rank == SAME_BROWSER and left.known and right.known:
        return "both-known"
    return None


def _are_two(left: int | None, right: int | None) -> bool:
    return left is not None and right is not None and left != right


class Groups:
    """Disjoint sets of numbered nodes. Records come first, by their order; the others follow."""

    def __init__(self, holdings: Iterable[Holding], rules: Rules) -> None:
        self.held: list[Holding] = list(holdings)
        self._parent = list(range(len(self.held)))
        self._rules = rules

    def add(self, holding: Holding) -> int:
        self._parent.append(len(self._parent))
        self.held.append(holding)
        return len(self._parent) - 1

    def root(self, node: int) -> int:
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def holding(self, node: int) -> Holding:
        return self.held[self.root(node)]

    def join(self, rank: int, left: int, right: int) -> str | None:
        """Joins the two groups unless there is a reason not to, which is returned. The smaller
        number stays the root, so that the root of a group is its first record.
        """
        a, b = self.root(left), self.root(right)
        if a == b:
            return None
        code = refusal(rank, self.held[a], self.held[b], self._rules)
        if code is None:
            low, high = (a, b) if a < b else (b, a)
            self._parent[high] = low
            self.held[low].absorb(self.held[high])
        return code
