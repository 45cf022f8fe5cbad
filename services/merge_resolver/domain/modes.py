"""Step 4: whether an identifier may link at all.

Weak evidence never switches off strong evidence: only asserted and proven claims can make an
address dead, and many typed ones only stop the typed ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from contact_schema.values import is_role_mailbox
from merge_resolver.domain.facts import ASSERTED, TYPED, Identifier
from merge_resolver.domain.records import Claim, Record
from merge_resolver.domain.rules import FAMILIES, Rules

NO_CAPS: Final = MappingProxyType[str, int]({})
Claimants = list[tuple[int, Claim]]
"""Records (by number) that claim an identifier, each with its claim."""


class Mode(Enum):
    LIVE = "live"
    TRUSTED_ONLY = "trusted only"
    BLOCKED = "blocked"
    DEAD = "dead"


def links(mode: Mode, proof: int) -> bool:
    """Whether a claim of this proof may join anybody, for all its identifier's mode says."""
    return mode is Mode.LIVE or (mode is Mode.TRUSTED_ONLY and proof > TYPED)


def owning_claims(family: str, claimants: Claimants, owner_of: Mapping[int, int]) -> Claimants:
    """The claims by which owners own: the proven and asserted ones where there is any. Nobody
    proves a browser, so there every claim counts.
    """
    owned = [(record, claim) for record, claim in claimants if record in owner_of]
    if family == "browser":
        return owned
    return [one for one in owned if one[1].proof >= ASSERTED] or owned


def mode_of(
    identifier: Identifier,
    claimants: Claimants,
    account_of: Mapping[int, int],
    records: Sequence[Record],
    rules: Rules,
) -> Mode:
    """Of an identifier that is not blocked."""
    family = FAMILIES[identifier.type]
    if family in rules.accounts_per_identifier and account_of:
        strong = {
            account_of[record]
            for record, claim in claimants
            if record in account_of and (claim.proof > TYPED or family == "browser")
        }
        if len(strong) > _account_cap(identifier, family, rules):
            return Mode.DEAD
    caps = rules.signals_per_identifier.get(family)
    if caps and _exceeds(caps, [records[record] for record, _ in claimants]):
        return Mode.TRUSTED_ONLY
    return Mode.LIVE


@dataclass(slots=True)
class Standing:
    """The same, told record by record. It only ever grows, so what is not live stays so."""

    accounts: set[str] = field(default_factory=set)
    signals: dict[str, set[str]] = field(default_factory=dict)
    is_crowded: bool = False
    """More signals than a cap: the next ones make no difference, and are not kept."""

    def learn(self, identifier: Identifier, record: Record, rules: Rules) -> None:
        """From a record that claims it, and that has one user id at most."""
        family = FAMILIES[identifier.type]
        if record.users and (family == "browser" or record.claims[identifier].proof > TYPED):
            self.accounts |= record.users
        caps = rules.signals_per_identifier.get(family)
        if caps is None or self.is_crowded:
            return
        if "name" in caps and record.names:
            self.signals.setdefault("name", set()).update(record.names)
        for one in record.claims:
            if (beside := FAMILIES[one.type]) in caps:
                if beside in self.signals:
                    self.signals[beside].add(one.key)
                else:
                    self.signals[beside] = {one.key}

    def mode(self, identifier: Identifier, rules: Rules) -> Mode:
        family = FAMILIES[identifier.type]
        owned = self.accounts and family in rules.accounts_per_identifier
        if owned and len(self.accounts) > _account_cap(identifier, family, rules):
            return Mode.DEAD
        if not self.is_crowded:
            caps = rules.signals_per_identifier.get(family, NO_CAPS)
            for beside, keys in self.signals.items():
                if len(keys) > caps[beside]:
                    self.is_crowded = True
                    self.signals.clear()
                    break
        return Mode.TRUSTED_ONLY if self.is_crowded else Mode.LIVE


def _account_cap(identifier: Identifier, family: str, rules: Rules) -> int:
    if family == "email" and is_role_mailbox(identifier.key):
        return rules.accounts_per_role_mailbox
    return rules.accounts_per_identifier[family]


def _exceeds(caps: Mapping[str, int], beside: Sequence[Record]) -> bool:
    if sum(len(record.claims) + len(record.names) for record in beside) <= min(caps.values()):
        return False
    signals: dict[str, set[str]] = {family: set() for family in caps}
    for record in beside:
        for one in record.claims:
            if (family := FAMILIES[one.type]) in signals:
                signals[family].add(one.key)
        if "name" in signals:
            signals["name"] |= record.names
    return any(len(signals[family]) > cap for family, cap in caps.items())
