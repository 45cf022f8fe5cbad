"""How good a partition is, by pairs of records: what was joined rightly, and what was found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    precision: float
    """Of the pairs that were joined, those that are one person."""
    recall: float
    """Of the pairs that are one person, those that were joined."""


def quality(group_of: Mapping[str, object], person_of: Mapping[str, int]) -> Quality:
    both = _pairs(Counter((group_of[one], person) for one, person in person_of.items()).values())
    joined = _pairs(Counter(group_of[one] for one in person_of).values())
    true = _pairs(Counter(person_of.values()).values())
    return Quality(_share(both, joined), _share(both, true))


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0
