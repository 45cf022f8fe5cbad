"""Step 5: who owned an identifier, and when.

Releases cut the time line first. In each stretch between them the owners that claim the identifier
either follow each other, then each has a period and the gaps between are nobody's; or they overlap,
then it is contested for that time.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NEVER = -(1 << 62)


class OwnerClaim(NamedTuple):
    first: int
    last: int
    owner: int


class Period(NamedTuple):
    start: int
    contested_from: int | None = None
    """The owner that was there first, when several overlap."""


class Periods:
    """The periods of one identifier, by number."""

    def __init__(self, periods: Sequence[Period]) -> None:
        self.periods = periods
        self._starts = [period.start for period in periods]

    def number_at(self, t: int) -> int:
        return bisect_right(self._starts, t) - 1


ALWAYS = Periods([Period(NEVER)])


def cut(claims: Iterable[OwnerClaim], releases: Iterable[int]) -> Periods:
    """A claim belongs to the period of its first time."""
    starts = [NEVER, *sorted(set(releases))]
    stretches: list[list[OwnerClaim]] = [[] for _ in starts]
    for claim in claims:
        stretches[bisect_right(starts, claim.first) - 1].append(claim)
    periods: list[Period] = []
    for start, inside in zip(starts, stretches, strict=True):
        periods += _cut_stretch(start, inside)
    return Periods(periods)


def _cut_stretch(start: int, claims: Iterable[OwnerClaim]) -> list[Period]:
    spans: dict[int, tuple[int, int]] = {}
    for first, last, owner in claims:
        low, high = spans.get(owner, (first, last))
        spans[owner] = (min(low, first), max(high, last))
    periods: list[Period] = []
    end = start
    for low, high, owner in sorted((low, high, owner) for owner, (low, high) in spans.items()):
        if not periods:
            periods.append(Period(start))
            first_owner = owner
        elif low <= end:
            periods[-1] = Period(periods[-1].start, first_owner)
        else:
            if low > end + 1:
                periods.append(Period(end + 1))
            periods.append(Period(low))
            first_owner = owner
        end = max(end, high)
    return periods or [Period(start)]
