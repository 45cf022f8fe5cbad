"""Who calls: an API key of one agent, or a person of the team at one of the workspace's agents."""

from dataclasses import dataclass, field
from typing import Literal

from contact_schema.commands import Actor
from contact_schema.settings import SCOPES, Policies, Scope

Role = Literal["viewer", "agent", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "agent", "admin")
ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    "viewer": frozenset({"contacts:read"}),
    "agent": frozenset({"contacts:read", "contacts:write", "contacts:export", "attributes:manage"}),
    "admin": frozenset(SCOPES),
}


@dataclass(frozen=True)
class Principal:
    """Everything that an action may know of its caller. The space comes from here and nowhere
    else."""

    kind: Literal["key", "user"]
    id: str
    name: str
    workspace: str
    agent: str
    space: str
    scopes: frozenset[Scope]
    region: str | None = None
    grace_days: int = 0
    policies: Policies = field(default_factory=Policies)

    @property
    def actor(self) -> Actor:
        return Actor(kind=self.kind, id=self.id)


@dataclass(frozen=True)
class User:
    """A person of the team, as signed in."""

    id: str
    login: str
    role: Role
    workspace: str


@dataclass(frozen=True)
class Agent:
    """One agent as the agent switcher shows it."""

    id: str
    name: str
    space: str
    region: str | None
    grace_days: int
    policies: Policies


def principal_at(user: User, agent: Agent) -> Principal:
    """This person at this agent; his role says what he may do."""
    return Principal(
        kind="user",
        id=user.id,
        name=user.login,
        workspace=user.workspace,
        agent=agent.id,
        space=agent.space,
        scopes=ROLE_SCOPES[user.role],
        region=agent.region,
        grace_days=agent.grace_days,
        policies=agent.policies,
    )
