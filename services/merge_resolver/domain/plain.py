"""The fast path: records of which no two could be kept apart are one contact, and need no sorting.

That is so for one record alone, whatever it says; and for several that hold together by what
links, with at most one account, nothing above a limit, and at most one known cluster without their
soft edges. Every threshold is the definition's own. What it does not answer is decided by the
definition.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from merge_resolver.domain.facts import TYPED, Identifier
from merge_resolver.domain.modes import Mode, links
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
    that are not live: such a claim ties nobody, and counts like any other.
    """
    if len(records) == 1:
        return True
    if len(records) > rules.claims_per_blob or not rules.lets_an_account_own:
        return False
    claimants: dict[Identifier, list[int]] = {}
    untied: set[Identifier] = set()
    ranks: set[int] = set()
    names: set[str] = set()
    typed: set[Identifier] = set()
    count: dict[str, int] = {}
    edges = len(records)
    for number, record in enumerate(records):
        edges += len(record.claims)
        if record.names:
            names |= record.names
        for one, claim in record.claims.items():
            proof = claim.proof
            rank = RANK_OF.get((one[0], proof))
            if rank is None:
                return False
            if proof == TYPED and rank != SAME_BROWSER:
                typed.add(one)
            if modes and one in modes and not links(modes[one], proof):
                untied.add(one)
                continue
            ranks.add(rank)
            if one in claimants:
                claimants[one].append(number)
            else:
                claimants[one] = [number]
                family = FAMILIES[one[0]]
                count[family] = count.get(family, 0) + 1
    if edges > rules.claims_per_blob or len(typed) > rules.typed_addresses_per_unit:
        return False
    for one in untied.difference(claimants) if untied else ():
        count[FAMILIES[one[0]]] = count.get(FAMILIES[one[0]], 0) + 1
    count["name"] = len(names)
    return _stays_below(count, ranks, bool(untied), rules) and _hold_together(records, claimants)


def _stays_below(count: Mapping[str, int], ranks: set[int], untied: bool, rules: Rules) -> bool:
    """Whether no cap and no limit can be passed, and no edge is refused for its rank. ``count`` of
    different identifiers by family; ``untied`` if one of them ties nobody.
    """
    if count.get("user", 0) > 1:
        return False
    most = rules.most_in_plain_blob
    for family, number in count.items():
        if number > most.get(family, number):
            return False
    if TYPED_EMAIL in ranks and rules.typed_email == "suggest":
        return False
    if "email" not in count or ranks.isdisjoint(UNPROVEN_PHONES):
        return True
    # The phone comes when all that have the one address are together already.
    if untied or count["email"] > 1:
        return False
    return not (ASSERTED_PHONE in ranks and TYPED_EMAIL in ranks)


def _hold_together(
    records: Sequence[Record], claimants: Mapping[Identifier, Sequence[int]]
) -> bool:
    """Whether all are one group, and all who are known are so without a browser."""
    group = list(range(len(records)))

    def join(numbers: Sequence[int]) -> None:
        joined = {group[number] for number in numbers}
        if len(joined) > 1:
            into = joined.pop()
            group[:] = [into if one in joined else one for one in group]

    units: dict[str, int] = {}
    for number, record in enumerate(records):
        first = units.setdefault(record.unit, number)
        if first != number:
            join((first, number))
    soft = []
    for one, numbers in claimants.items():
        if len(numbers) > 1:
            if FAMILIES[one[0]] == "browser":
                soft.append(numbers)
            else:
                join(numbers)
    if len({group[number] for number, record in enumerate(records) if record.known}) > 1:
        return False
    for numbers in soft:
        join(numbers)
    return len(set(group)) == 1
