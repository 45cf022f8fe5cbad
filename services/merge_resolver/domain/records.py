"""Steps 1 to 3: which facts count, and what each record says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

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
            claim.proof >= ASSERTED and FAMILIES.get(identifier.type) in KNOWN_BY
            for identifier, claim in self.claims.items()
        )

    @property
    def holds_account(self) -> bool:
        return bool(self.users) or any(one.type == "crm" for one in self.claims)


@dataclass(slots=True)
class Kept:
    """The facts that count (step 1), by what they are."""

    observations: list[Observe] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    separations: list[Separate] = field(default_factory=list)
    blocked: set[Identifier] = field(default_factory=set)
    releases: dict[Identifier, list[int]] = field(default_factory=dict)
    revocations: list[Revoke] = field(default_factory=list)

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
    records: dict[str, Record] = {}
    windows: dict[str, list[tuple[int, int]]] = {}
    for revoked in kept.revocations:
        windows.setdefault(revoked.user, []).append((revoked.start, revoked.end))
    for fact in with_true_claims(kept.observations):
        record = records.get(fact.record)
        if record is None:
            record = records[fact.record] = Record(fact.record, fact.unit, fact.t, fact.t)
        _add(record, fact, _is_revoked(fact, windows) if windows else False)
    blocked = _blocked(records.values(), kept, rules)
    for record in records.values():
        _settle(record, blocked)
    return [records[key] for key in sorted(records)]


def with_true_claims(observations: Sequence[Observe]) -> list[Observe]:
    """What was said under a claim that is true was said by its user. Before the verdict, or without
    one, a claim counts for nothing.
    """
    users: dict[str, set[Told]] = {}
    for fact in observations:
        if fact.verdict and fact.claim is not None:
            users.setdefault(fact.claim, set()).update(
                told for told in fact.told if told.type == "user" and told.key is not None
            )
    return [
        replace(fact, told=(*fact.told, *sorted(users[fact.claim] - set(fact.told))))
        if fact.claim in users
        else fact
        for fact in observations
    ]


def _is_revoked(fact: Observe, windows: dict[str, list[tuple[int, int]]]) -> bool:
    return any(
        start <= fact.t <= end
        for told in fact.told
        if told.type == "user" and told.key is not None and told.proof == PROVEN
        for start, end in windows.get(told.key, ())
    )


def _add(record: Record, fact: Observe, revoked: bool) -> None:
    record.first = min(record.first, fact.t)
    record.last = max(record.last, fact.t)
    # The smallest: which of two units a record has, must not depend on the order of arrival.
    record.unit = min(record.unit, fact.unit)
    record.facts.append(fact)
    record.is_void = record.is_void or revoked
    name = fact.fields.get("name")
    if isinstance(name, str) and name.strip():
        record.names.add(name.strip().casefold())
    for told in fact.told:
        if told.type == "name":
            record.names.add(told.given.strip().casefold())
        elif told.key is None:
            _say(record.shown, (told.type, told.given), told, fact, TYPED)
        elif told.type != "user":
            proof = TYPED if revoked else told.proof
            _say(record.claims, Identifier(told.type, told.key), told, fact, proof)
        elif told.proof >= ASSERTED and not revoked:
            _say(record.claims, Identifier("user", told.key), told, fact, told.proof)


def _say(claims: dict[Key, Claim], key: Key, told: Told, fact: Observe, proof: int) -> None:
    claim = claims.get(key)
    if claim is None:
        claims[key] = Claim(fact.t, fact.t, proof, fact.id, told.given, fact.t)
        return
    if (fact.t, told.given) > (claim.last, claim.given):
        claim.given = told.given
    if (-proof, fact.t, fact.id) < (-claim.proof, claim.proven_at, claim.fact):
        claim.proof, claim.proven_at, claim.fact = proof, fact.t, fact.id
    claim.first = min(claim.first, fact.t)
    claim.last = max(claim.last, fact.t)


def _blocked(records: Iterable[Record], kept: Kept, rules: Rules) -> set[Identifier]:
    if rules.blocked_values:
        for record in records:
            for identifier in record.claims:
                if is_blocked(identifier.type, identifier.key, rules.blocked_values):
                    kept.blocked.add(identifier)
    return kept.blocked


def _settle(record: Record, blocked: set[Identifier]) -> None:
    users = [one for one in record.claims if one.type == "user"]
    for user in users:
        if user in blocked:
            del record.claims[user]
            record.is_void = True
    record.users = {user.key for user in users if user not in blocked}
    if record.is_void and not record.users:
        for claim in record.claims.values():
            claim.proof = TYPED
    record.known = any(
        FAMILIES.get(one.type) in KNOWN_BY and one not in blocked for one in record.claims
    )


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
