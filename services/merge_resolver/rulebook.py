"""The rules of each space: those of its settings, until a command changed them in its order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from contact_schema.settings import AgentSettings, Policies
from merge_resolver.domain.rules import Rules
from service_kit.replica import Replica

RulesOf = Callable[[str], Rules]
PER_CONTACT: Final = {
    "email": "emails_per_contact",
    "phone": "phones_per_contact",
    "channel": "channels_per_contact",
    "crm": "crm_per_contact",
}


def rules_from(agents: Replica[AgentSettings]) -> RulesOf:
    """The rules of a space: the policies of its first agent. Made again when settings change."""
    made: dict[str, Rules] = {}
    seen = -1

    def rules_of(space: str) -> Rules:
        nonlocal seen
        if seen != agents.version:
            made.clear()
            seen = agents.version
            for agent in sorted(agents.values(), key=lambda one: one.agent):
                made.setdefault(agent.space, rules_under(agent.policies))
        return made.setdefault(space, Rules())

    return rules_of


def rules_under(policies: Policies, version: int = 1) -> Rules:
    usual, caps = Rules(), {str(name): cap for name, cap in policies.caps.items()}
    return Rules(
        version=version,
        anonymous_contacts=policies.anonymous_contacts,
        typed_email=policies.typed_email,
        unsigned_plan=policies.unsigned_plan,
        blocked_values=policies.blocked_values,
        audiences=policies.audiences,
        plan_audiences=policies.plan_audiences,
        accounts_per_identifier={
            family: caps.get(f"accounts_per_{family}", cap)
            for family, cap in usual.accounts_per_identifier.items()
        },
        accounts_per_role_mailbox=caps.get(
            "accounts_per_role_mailbox", usual.accounts_per_role_mailbox
        ),
        limits_per_contact={
            family: caps.get(PER_CONTACT[family], cap)
            for family, cap in usual.limits_per_contact.items()
        },
    )


@dataclass(frozen=True)
class Rulebook:
    """What was last read of the spaces in hand, over what the settings say."""

    settings: RulesOf
    """Of spaces whose rules no command has changed."""
    _read: dict[str, tuple[Policies, Rules]] = field(default_factory=dict)

    def note(self, rows: Iterable[Any]) -> None:
        """Rows of space, policies and rules version, as they are committed."""
        for row in rows:
            known = self._read.get(row["space"])
            if row["policies"] is None:
                self._read.pop(row["space"], None)
            elif known is None or known[1].version != row["rules_version"]:
                policies = Policies.model_validate_json(row["policies"])
                rules = rules_under(policies, row["rules_version"])
                self._read[row["space"]] = (policies, rules)

    def policies(self, space: str) -> Policies | None:
        """Those that a command gave."""
        return self._read[space][0] if space in self._read else None

    def of(self, space: str) -> Rules:
        read = self._read.get(space)
        return self.settings(space) if read is None else read[1]
