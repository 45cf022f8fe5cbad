"""The rules of each space: those of its settings, until a command changed them in its order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from contact_schema.settings import AgentSettings, Policies
from merge_resolver.domain.rules import Rules
from service_kit.replica import Replica

RulesOf = Callable[[str], Rules]


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
    return Rules(
        version=version,
        typed_email=policies.typed_email,
        unsigned_plan=policies.unsigned_plan,
        blocked_values=policies.blocked_values,
        audiences=policies.audiences,
        plan_audiences=policies.plan_audiences,
    )


@dataclass(frozen=True)
class Rulebook:
    """What was last read of the spaces in hand, over what the settings say."""

    settings: RulesOf
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
