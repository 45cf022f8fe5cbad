"""The fast path: a blob in which nothing could be refused is one contact, and needs no sorting.

That is so where it has at most one account, no decision or release, no identifier that could be
dead or trusted only, nothing above a limit, and at most one known cluster without its soft edges.
Every threshold is the definition's own. What it does not answer is decided by the definition.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from merge_resolver.domain.facts import TYPED, Identifier
from merge_resolver.domain.modes import Mode
from merge_resolver.domain.records import Record
from merge_resolver.domain.rules import (
    ASSERTED_PHONE,
    FAMILIES,
    RANK_OF,
    SAME_BROWSER,
    TYPED_EMAIL,
    UNPROVEN_PHONES,
    Rules,
)

ALL_LIVE: Final = MappingProxyType[Identifier, Mode]({})


def is_one_contact(
    records: Sequence[Record], rules: Rules, modes: Mapping[Identifier, Mode] = ALL_LIVE
) -> bool:
    """Of folded records that no link, separation or release is about. ``modes`` of identifiers
    that are not live.
    """
    if len(records) > rules.claims_per_blob or not rules.lets_an_account_own:
        return False
    claimants: dict[Identifier, list[int]] = {}
    ranks: set[int] = set()
    names: set[str] = set()
    typed: set[Identifier] = set()
    edges = 0
    for number, record in enumerate(records):
        edges += len(record.claims)
        if record.names:
            names |= record.names
        for one, claim in record.claims.items():
            rank = RANK_OF.get((one.type, claim.proof))
            if rank is None:
                return False
            ranks.add(rank)
            if claim.proof == TYPED and rank != SAME_BROWSER:
                typed.add(one)
            if one in claimants:
                claimants[one].append(number)
            else:
                claimants[one] = [number]
    if modes and not modes.keys().isdisjoint(claimants):
        return False
    if len(typed) > rules.typed_addresses_per_unit:
        return False
    if not _stays_below(claimants, names, ranks, rules):
        return False
    if len(records) == 1:
        return edges <= rules.claims_per_blob
    return edges + len(records) <= rules.claims_per_blob and _hold_together(records, claimants)


def _stays_below(
    claimants: Mapping[Identifier, object], names: set[str], ranks: set[int], rules: Rules
) -> bool:
    """Whether no cap and no limit can be passed, and no edge is refused for its rank."""
    count = {"name": len(names)}
    for one in claimants:
        family = FAMILIES[one.type]
        count[family] = count.get(family, 0) + 1
    if count.get("user", 0) > 1:
        return False
    for family, number in count.items():
        if number > rules.most_in_plain_blob.get(family, number):
            return False
    if TYPED_EMAIL in ranks and rules.typed_email == "suggest":
        return False
    if "email" not in count or not ranks & UNPROVEN_PHONES:
        return True
    # The phone comes when all that have the one address are together already.
    return count["email"] == 1 and not (ASSERTED_PHONE in ranks and TYPED_EMAIL in ranks)


def _hold_together(
    records: Sequence[Record], claimants: Mapping[Identifier, Sequence[int]]
) -> bool:
    """Whether all are one group, and all who are known are so without a browser."""
    parent = list(range(len(records)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    units: dict[str, int] = {}
    for number, record in enumerate(records):
        first = units.setdefault(record.unit, number)
        if first != number:
            parent[root(number)] = root(first)
    soft = []
    for one, numbers in claimants.items():
        if len(numbers) > 1:
            if FAMILIES[one.type] == "browser":
                soft.append(numbers)
            else:
                for number in numbers[1:]:
                    parent[root(number)] = root(numbers[0])
    if len({root(number) for number, record in enumerate(records) if record.known}) > 1:
        return False
    for numbers in soft:
        for number in numbers[1:]:
            parent[root(number)] = root(numbers[0])
    first = root(0)
    return all(root(number) == first for number in range(1, len(records)))
