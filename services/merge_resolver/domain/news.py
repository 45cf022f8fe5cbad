"""Whether an event tells anything that its record does not say already.

A row equal to its record's current values is no fact, and an event that says them again counts once
a day: for how long somebody has had an address decides whose it was when. So a plain message of a
known record costs no work, and a busy conversation does not grow a heap of equal facts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from merge_resolver.domain.facts import TYPED, Observe
from merge_resolver.domain.fold import order_of

NOBODY: Final[Mapping[str, int]] = MappingProxyType({})
DAY: Final = 86_400_000_000
"""In microseconds, as times are."""
FOR_EVER: Final = 1 << 62


Said = tuple[int, int, int, str]
"""Of one claim of a record: best proof, first time, last time, and as it was given last."""


@dataclass(slots=True)
class Standing:
    """What one record says now."""

    first: int
    claims: dict[tuple[str, str], Said] = field(default_factory=dict)
    """By type and key (or value as given)."""
    latest: dict[str, int] = field(default_factory=dict)
    """By type: the last time of all its claims."""
    fields: dict[tuple[int, str], tuple[int, str]] = field(default_factory=dict)
    """By class and field: time and value of the latest."""
    tags: set[str] = field(default_factory=set)
    in_force: set[str] = field(default_factory=set)
    """Claims that were in force when it spoke."""

    def is_news(self, fact: Observe, again_after: int = DAY) -> bool:
        """``again_after`` microseconds what was said before is said anew."""
        if fact.t < self.first or fact.covers:
            return True
        if fact.claim is not None and fact.claim not in self.in_force:
            return True
        t, claims, latest = fact.t, self.claims, self.latest
        for kind, key, given, told in fact.told:
            said = claims.get((kind, key if key is not None else _keyless(given)))
            if said is None or told > said[0] or t < said[1]:
                return True
            last, given_last = said[2], said[3]
            # After another of its kind, or in another way, it is what counts from now on.
            if t > last and (t - last > again_after or last < latest[kind] <= t):
                return True
            if given != given_last and (t, given) > (last, given_last):
                return True
        for name, value in fact.fields.items():
            was = self.fields.get((fact.field_class, name))
            if was is None or was[1] != order_of(value) or t - was[0] > again_after:
                return True
        if fact.tags is None:
            return False
        return bool(fact.tags.removed or fact.tags.clears or set(fact.tags.added) - self.tags)

    def learn(self, fact: Observe, *, void: bool = False) -> None:
        """``void``: it rests on a proof that was revoked."""
        self.first = min(self.first, fact.t)
        if fact.claim is not None:
            self.in_force.add(fact.claim)
        t, claims, latest = fact.t, self.claims, self.latest
        for kind, key, given, told in fact.told:
            name = (kind, key if key is not None else _keyless(given))
            proof, said = TYPED if void else told, claims.get(name)
            if said is None:
                claims[name] = (proof, t, t, given)
            else:
                last = max((said[2], said[3]), (t, given))
                claims[name] = (max(proof, said[0]), min(t, said[1]), *last)
            if t > latest.get(kind, t - 1):
                latest[kind] = t
        for name_, value in fact.fields.items():
            place = (fact.field_class, name_)
            self.fields[place] = max(
                (fact.t, order_of(value)), self.fields.get(place, (fact.t, ""))
            )


def _keyless(given: str) -> str:
    return f"\0{given}"  # no key holds a null


def standing_of(
    own: Sequence[Observe], elsewhere: Iterable[Observe], revoked: Mapping[str, int] = NOBODY
) -> Standing | None:
    """From the facts of a record, and those of others that may have removed its tags. ``revoked``
    by user: until when his proofs are void, so that a later one is news.
    """
    standing: Standing | None = None
    removals: list[Observe] = []
    for fact in own:
        standing = standing or Standing(fact.t)
        standing.learn(fact, void=bool(revoked) and _is_void(fact, revoked))
        removals.append(fact)
        record = fact.record
    if standing is None:
        return None
    removals += [fact for fact in elsewhere if record in fact.covers]
    for fact in own:
        for name in fact.tags.added if fact.tags is not None else ():
            if not any(_removes(other, name, fact) for other in removals):
                standing.tags.add(name)
    return standing


def _is_void(fact: Observe, revoked: Mapping[str, int]) -> bool:
    return any(
        one.type == "user" and fact.proven_at <= revoked.get(one.key or "", fact.proven_at - 1)
        for one in fact.told
    )


def _removes(other: Observe, name: str, fact: Observe) -> bool:
    later = (other.t, other.id) > (fact.t, fact.id)
    return later and other.tags is not None and (other.tags.clears or name in other.tags.removed)
