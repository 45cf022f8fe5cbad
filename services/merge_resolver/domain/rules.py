"""The versioned rules: ranks, caps, limits and policies. Every shortcut takes its thresholds from
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal

from merge_resolver.domain.facts import ASSERTED, PROVEN, TYPED

LINKED: Final = 0
USER: Final = 1
PROVEN_EMAIL: Final = 2
PROVEN_ADDRESS: Final = 3
CRM_RECORD: Final = 4
ASSERTED_EMAIL: Final = 5
ASSERTED_PHONE: Final = 6
TYPED_EMAIL: Final = 7
TYPED_PHONE: Final = 8
SAME_UNIT: Final = 9
SAME_BROWSER: Final = 10

STRANGERS_WAYS: Final = frozenset({TYPED_EMAIL, TYPED_PHONE})
"""By these anybody comes under a contact without proof; what he says there is said, not known."""
UNPROVEN_PHONES: Final = frozenset({ASSERTED_PHONE, TYPED_PHONE})

FAMILIES: Final[Mapping[str, str]] = {
    "user": "user",
    "email": "email",
    "phone": "phone",
    "crm": "crm",
    "session": "browser",
    "browser": "browser",
    "whatsapp": "channel",
    "sms": "channel",
    "slack": "channel",
    "messenger": "channel",
    "channel": "channel",
    "name": "name",
    "unit": "unit",
}
"""Types that are treated alike."""
KNOWN_BY: Final = frozenset(
    kind
    for kind, family in FAMILIES.items()
    if family in ("user", "email", "phone", "channel", "crm")
)
"""Types of which one is enough for somebody to be known."""

_RANKS: Final = MappingProxyType(
    {
        ("user", PROVEN): USER,
        ("user", ASSERTED): USER,
        ("email", PROVEN): PROVEN_EMAIL,
        ("email", ASSERTED): ASSERTED_EMAIL,
        ("email", TYPED): TYPED_EMAIL,
        ("phone", PROVEN): PROVEN_ADDRESS,
        ("phone", ASSERTED): ASSERTED_PHONE,
        ("phone", TYPED): TYPED_PHONE,
        ("channel", PROVEN): PROVEN_ADDRESS,
        ("crm", PROVEN): CRM_RECORD,
        ("crm", ASSERTED): CRM_RECORD,
        ("browser", PROVEN): SAME_BROWSER,
        ("browser", ASSERTED): SAME_BROWSER,
        ("browser", TYPED): SAME_BROWSER,
    }
)

RANK_OF: Final[Mapping[tuple[str, int], int]] = {
    (kind, proof): rank
    for kind, of_kind in FAMILIES.items()
    for (family, proof), rank in _RANKS.items()
    if family == of_kind
}
"""By type and proof; what is not in it links nothing, like an unproven channel address."""


_ACCOUNTS: Final = MappingProxyType({"email": 3, "phone": 4, "channel": 3, "crm": 3, "browser": 5})
_SIGNALS: Final = MappingProxyType(
    {
        "email": MappingProxyType({"phone": 5, "name": 5}),
        "phone": MappingProxyType({"email": 5, "name": 5}),
        "browser": MappingProxyType({"email": 4, "phone": 4, "name": 4}),
    }
)
_LIMITS: Final = MappingProxyType({"email": 10, "phone": 10, "channel": 20, "crm": 10})


@dataclass(frozen=True)
class Rules:
    version: int = 1
    anonymous_contacts: Literal["on", "off"] = "on"
    """Off: somebody of whom nothing is known is no contact until something is."""
    typed_email: Literal["merge", "suggest"] = "merge"
    unsigned_plan: Literal["flag", "apply"] = "flag"
    blocked_values: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ("public", "paid_users", "enterprise", "growth", "internal")
    plan_audiences: Mapping[str, str] = field(default_factory=dict)

    accounts_per_identifier: Mapping[str, int] = field(default_factory=lambda: _ACCOUNTS)
    accounts_per_role_mailbox: int = 1
    signals_per_identifier: Mapping[str, Mapping[str, int]] = field(
        default_factory=lambda: _SIGNALS
    )
    """Distinct people signals beside an identifier before typed claims of it stop linking."""
    limits_per_contact: Mapping[str, int] = field(default_factory=lambda: _LIMITS)
    claims_per_blob: int = 1000
    typed_addresses_per_unit: int = 5
    attributes_per_contact: int = 50
    tags_per_contact: int = 50

    @cached_property
    def lets_an_account_own(self) -> bool:
        """Whether one account alone never makes an identifier dead."""
        caps = (*self.accounts_per_identifier.values(), self.accounts_per_role_mailbox)
        return min(caps, default=1) >= 1

    @cached_property
    def most_in_plain_blob(self) -> Mapping[str, int]:
        """By family: up to so many different ones in all, no cap and no limit can be passed."""
        most = dict(self.limits_per_contact)
        for caps in self.signals_per_identifier.values():
            for family, cap in caps.items():
                most[family] = min(cap, most.get(family, cap))
        return most
