"""Steps 1 to 3: which facts count, and what each record says."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeVar

from contact_schema.values import is_blocked
from merge_resolver.domain.facts import (
    ASSERTED,
    PROVEN,
    TYPED,
    Block,
    Decision,
    Erase,
    Fact,
    Identifier,
    Link,
    Observe,
    Release,
    Retract,
    Revoke,
    Separate,
    Told,
    canonical,
)
from merge_resolver.domain.rules import FAMILIES, KNOWN_BY, Rules

Key = TypeVar("Key")
NO_USERS: Final = MappingProxyType[Told, int]({})
NO_WINDOWS: Final = MappingProxyType[str, Sequence[tuple[int, int]]]({})


@dataclass(slots=True)
class Claim:
    """What one record says of one identifier."""

    first: int
    last: int
    proof: int
    fact: str
    given: str
    proven_at: int


@dataclass(slots=True)
class Record:
    id: str
    unit: str
    first: int
    last: int
    facts: list[Observe] = field(default_factory=list)
    claims: dict[Identifier, Claim] = field(default_factory=dict)
    shown: dict[tuple[str, str], Claim] = field(default_factory=dict)
    """Values without a key, by type and as given: shown, never linked."""
    names: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    """User ids that stand: proven or asserted, not void."""
    known: bool = False
    is_void: bool = False

    def keys(self, family: str) -> set[str]:
        return {str(one) for one in self.claims if FAMILIES.get(one.type) == family}

    @property
    def is_established(self) -> bool:
        return any(
            claim.proof >= ASSERTED and identifier.type in KNOWN_BY
            for identifier, claim in self.claims.items()
        )

    @property
    def holds_account(self) -> bool:
        if self.users:
            return True
        for one in self.claims:  # noqa: SIM110 - a generator costs more than it does here
            if one.type == "crm":
                return True
        return False


@dataclass(slots=True)
class Kept:
    """The facts that count (step 1), by what they are."""

    observations: list[Observe] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    separations: list[Separate] = field(default_factory=list)
    blocked: set[Identifier] = field(default_factory=set)
    releases: dict[Identifier, list[int]] = field(default_factory=dict)
    revocations: list[Revoke] = field(default_factory=list)

    @property
    def holds_decisions(self) -> bool:
        """Such as reach beyond one identifier; a revocation is applied to the records."""
        return bool(self.links or self.separations or self.releases)

    def add(self, fact: Observe | Decision) -> None:
        match fact:
            case Observe():
                self.observations.append(fact)
            case Link():
                self.links.append(fact)
            case Separate():
                self.separations.append(fact)
            case Block():
                self.blocked.add(fact.identifier)
            case Release():
                self.releases.setdefault(fact.identifier, []).append(fact.t)
            case Revoke():
                self.revocations.append(fact)


def keep(facts: Iterable[Fact]) -> Kept:
    """Step 1: one fact per id; what is retracted or erased, before or after, never was."""
    by_id: dict[str, Fact] = {}
    for fact in facts:
        other = by_id.get(fact.id)
        if other is None:
            by_id[fact.id] = fact
        elif other != fact:
            by_id[fact.id] = min(other, fact, key=canonical)
    retracted = {fact.fact for fact in by_id.values() if isinstance(fact, Retract)}
    erased = {fact.record for fact in by_id.values() if isinstance(fact, Erase)}
    kept = Kept()
    for fact in by_id.values():
        if isinstance(fact, Retract | Erase) or fact.id in retracted:
            continue
        if isinstance(fact, Observe) and fact.record in erased:
            continue
        kept.add(fact)
    return kept


def fold_records(kept: Kept, rules: Rules) -> list[Record]:
    """Steps 2 and 3: revocations and blocks applied, facts folded into records, sorted by id."""
    windows: dict[str, list[tuple[int, int]]] = {}
    for revoked in kept.revocations:
        windows.setdefault(revoked.user, []).append((revoked.start, revoked.end))
    by_record: dict[str, list[Observe]] = {}
    for fact in kept.observations:
        by_record.setdefault(fact.record, []).append(fact)
    users = users_of_claims(kept.observations)
    records = [fold_record(by_record[one], users, windows) for one in sorted(by_record)]
    blocked = _blocked(records, kept, rules)
    for record in records:
        settle(record, blocked)
    return records


def fold_record(
    facts: Sequence[Observe],
    users: Mapping[str, Mapping[Told, int]],
    windows: Mapping[str, Sequence[tuple[int, int]]] = NO_WINDOWS,
) -> Record:
    """Step 3 for one record. ``users`` by true claim; ``windows`` of revoked proofs by user."""
    record = Record(facts[0].record, facts[0].unit, facts[0].t, facts[0].t)
    for fact in facts:
        told = fact.told
        claimed = users.get(fact.claim or "", NO_USERS) if users else NO_USERS
        if claimed:
            told = (*told, *sorted(claimed.keys() - set(told)))
        _add(record, fact, told, bool(windows) and _is_revoked(fact, claimed, windows))
    return record


def users_of_claims(observations: Iterable[Observe]) -> dict[str, dict[Told, int]]:
    """What was said under a claim that is true was said by its user, and is proven since the
    verdict's proof. Before the verdict, or without one, a claim counts for nothing.
    """
    users: dict[str, dict[Told, int]] = {}
    for fact in observations:
        if fact.verdict and fact.claim is not None:
            claimed = users.setdefault(fact.claim, {})
            for told in fact.told:
                if told.type == "user" and told.key is not None:
                    claimed[told] = max(fact.proven_at, claimed.get(told, fact.proven_at))
    return users


def _is_revoked(
    fact: Observe, claimed: Mapping[Told, int], windows: Mapping[str, Sequence[tuple[int, int]]]
) -> bool:
    proofs = {**claimed, **dict.fromkeys(fact.told, fact.proven_at)}
    return any(
        start <= at <= end
        for one, at in proofs.items()
        if one.type == "user" and one.key is not None and one.proof == PROVEN
        for start, end in windows.get(one.key, ())
    )


def _add(record: Record, fact: Observe, told: Iterable[Told], revoked: bool) -> None:
    t = fact.t
    if t < record.first:
        record.first = t
    elif t > record.last:
        record.last = t
    # The smallest: which of two units a record has, must not depend on the order of arrival.
    record.unit = min(record.unit, fact.unit)
    record.facts.append(fact)
    record.is_void = record.is_void or revoked
    if fact.fields:
        name = fact.fields.get("name")
        if isinstance(name, str) and name.strip():
            record.names.add(name.strip().casefold())
    for kind, key, given, proof in told:
        if kind == "name":
            record.names.add(given.strip().casefold())
        elif key is None:
            _say(record.shown, (kind, given), given, TYPED, fact)
        elif kind != "user":
            _say(record.claims, Identifier(kind, key), given, TYPED if revoked else proof, fact)
        elif proof >= ASSERTED and not revoked:
            _say(record.claims, Identifier("user", key), given, proof, fact)


def _say(claims: dict[Key, Claim], key: Key, given: str, proof: int, fact: Observe) -> None:
    claim, t = claims.get(key), fact.t
    if claim is None:
        claims[key] = Claim(t, t, proof, fact.id, given, t)
        return
    if (t, given) > (claim.last, claim.given):
        claim.given = given
    if (-proof, t, fact.id) < (-claim.proof, claim.proven_at, claim.fact):
        claim.proof, claim.proven_at, claim.fact = proof, t, fact.id
    if t < claim.first:
        claim.first = t
    elif t > claim.last:
        claim.last = t


def _blocked(records: Iterable[Record], kept: Kept, rules: Rules) -> set[Identifier]:
    if rules.blocked_values:
        for record in records:
            for identifier in record.claims:
                if is_blocked(identifier.type, identifier.key, rules.blocked_values):
                    kept.blocked.add(identifier)
    return kept.blocked


def settle(record: Record, blocked: Collection[Identifier] = ()) -> None:
    """Step 2 for one record: what its user ids are, and what that makes of its proofs."""
    void = []
    for one in record.claims:
        if one in blocked:
            if one.type == "user":
                void.append(one)
            continue
        if one.type == "user":
            record.users.add(one.key)
        if one.type in KNOWN_BY:
            record.known = True
    for one in void:
        del record.claims[one]
        record.is_void = True
    if record.is_void and not record.users:
        for claim in record.claims.values():
            claim.proof = TYPED


def typed_beyond_limit(records: Sequence[Record], limit: int) -> set[tuple[str, Identifier]]:
    """Typed addresses that a unit has above its share: an attacker's chain costs him, not us."""
    by_unit: dict[str, list[Record]] = {}
    for record in records:
        by_unit.setdefault(record.unit, []).append(record)
    beyond: set[tuple[str, Identifier]] = set()
    for members in by_unit.values():
        typed: dict[Identifier, int] = {}
        for record in members:
            for one, claim in record.claims.items():
                if claim.proof == TYPED and one.type in ("email", "phone"):
                    typed[one] = min(claim.first, typed.get(one, claim.first))
        if len(typed) > limit:
            late = sorted((first, one) for one, first in typed.items())[limit:]
            beyond |= {(record.id, one) for record in members for _, one in late}
    return beyond
