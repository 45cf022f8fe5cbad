"""Bodies that make workspaces, agents, keys and people, and that change settings."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from contact_schema.settings import SCOPES, Cap, Limits, Policies, Scope
from contacts_api.domain.principal import Role

Name = Annotated[str, Field(min_length=1, max_length=100)]
Region = Annotated[str, Field(pattern="^[A-Z]{2}$")]
GraceDays = Annotated[int, Field(ge=0, le=30)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class KeyBody(Body):
    """A key as asked for; ``key`` only where the caller brings his own."""

    kind: Literal["api", "widget"]
    key: str | None = Field(default=None, min_length=20, max_length=200, repr=False)
    scopes: Literal["all"] | tuple[Scope, ...] = ()
    origins: tuple[Name, ...] = ()
    native: bool = False
    limits: dict[str, int] | None = None

    @property
    def granted(self) -> list[str]:
        return list(SCOPES if self.scopes == "all" else self.scopes)

    @property
    def own_limits(self) -> Limits | None:
        return Limits(**self.limits) if self.limits else None


class AgentBody(Body):
    name: Name
    space: Name | None = None
    region: Region | None = None
    grace_days: GraceDays = 7
    policies: dict[str, Any] = Field(default_factory=dict)
    keys: tuple[KeyBody, ...] = ()


class UserBody(Body):
    login: Name
    password: str = Field(min_length=8, max_length=200, repr=False)
    role: Role = "agent"


class WorkspaceBody(Body):
    agents: tuple[AgentBody, ...] = ()
    users: tuple[UserBody, ...] = ()


class NewAgentBody(Body):
    name: Name
    space: Name | None = None
    region: Region | None = None
    grace_days: GraceDays = 7


class NewKeyBody(Body):
    kind: Literal["api", "widget"]
    scopes: tuple[Scope, ...] = ()
    origins: tuple[Name, ...] = ()
    native: bool = False


DECIDING: Final = (
    "anonymous_contacts",
    "caps",
    "typed_email",
    "unsigned_plan",
    "blocked_values",
    "audiences",
    "plan_audiences",
)
"""Policies that change contacts: the same for all agents of a space, as its contacts are."""


class SettingsBody(Body):
    """`PATCH /v1/settings`: sent fields only."""

    anonymous_contacts: Literal["on", "off"] | None = None
    typed_email: Literal["merge", "suggest"] | None = None
    unsigned_plan: Literal["flag", "apply"] | None = None
    on_bad_signature: Literal["anonymous", "reject"] | None = None
    region: Region | None = None
    grace_days: GraceDays | None = None
    blocked_values: Annotated[tuple[Name, ...], Field(max_length=1000)] | None = None
    audiences: Annotated[tuple[Name, ...], Field(min_length=1, max_length=50)] | None = None
    plan_audiences: dict[str, str] | None = None
    caps: dict[Cap, Annotated[int, Field(ge=1, le=1000)]] | None = None
    limits: dict[str, int] | None = None


def policies_of(current: Policies, changes: Mapping[str, Any]) -> Policies:
    """Raises pydantic's ValidationError."""
    known = {name: value for name, value in changes.items() if name in Policies.model_fields}
    return Policies.model_validate({**current.model_dump(), **known})


def with_deciding(own: Policies, others: Policies) -> Policies:
    """``own``, but for what decides about contacts."""
    return own.model_copy(update={one: getattr(others, one) for one in DECIDING})


def settings_json(
    policies: Policies, region: str | None, grace_days: int, limits: Limits
) -> dict[str, Any]:
    return {
        **policies.model_dump(mode="json"),
        "region": region,
        "grace_days": grace_days,
        "limits": limits.model_dump(mode="json"),
    }
