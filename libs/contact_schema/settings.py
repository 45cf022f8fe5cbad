"""``contacts.settings.v1``: each agent whole, without a secret and without anything personal."""

import hashlib
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contact_schema.envelope import PERSONAL, Message, Value

Scope = Literal[
    "contacts:read",
    "contacts:write",
    "contacts:erase",
    "contacts:export",
    "attributes:manage",
    "settings:manage",
    "workspace:manage",
    "events:write",
    "channels:prove",
]
SCOPES: tuple[Scope, ...] = (
    "contacts:read",
    "contacts:write",
    "contacts:erase",
    "contacts:export",
    "attributes:manage",
    "settings:manage",
    "workspace:manage",
    "events:write",
    "channels:prove",
)
AUDIENCES = ("public", "paid_users", "enterprise", "growth", "internal")


def key_digest(key: str) -> str:
    """SHA-256 in hex of an API or widget key: all that is ever stored of it. Keys are random, so
    that suffices.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class Limits(Value):
    """Events and calls per second; bursts in calls. Multiplied by the deployment's own factor."""

    events_per_key: int = 2_000
    widget_per_session: int = 20
    widget_per_address: int = 200
    api_per_key: int = 100
    api_burst: int = 300


class KeySettings(Value):
    """One API or widget key by its digest. Only living keys are listed."""

    id: str
    kind: Literal["api", "widget"]
    digest: Annotated[str, PERSONAL]
    last4: str
    scopes: tuple[Scope, ...] = ()
    origins: tuple[str, ...] = ()
    """Origins a widget key may be used from; empty: none but same-origin tools without ``Origin``.
    """
    native: bool = False
    """A widget key of an app, which sends no ``Origin``."""
    limits: Limits | None = None
    """Own limits, not multiplied by the deployment's factor."""


Cap = Literal[
    "accounts_per_email",
    "accounts_per_phone",
    "accounts_per_channel",
    "accounts_per_crm",
    "accounts_per_browser",
    "accounts_per_role_mailbox",
    "emails_per_contact",
    "phones_per_contact",
    "channels_per_contact",
    "crm_per_contact",
]


class Policies(Value):
    anonymous_contacts: Literal["on", "off"] = "on"
    typed_email: Literal["merge", "suggest"] = "merge"
    unsigned_plan: Literal["flag", "apply"] = "flag"
    on_bad_signature: Literal["anonymous", "reject"] = "anonymous"
    blocked_values: tuple[str, ...] = ()
    audiences: tuple[str, ...] = AUDIENCES
    plan_audiences: dict[str, str] = Field(default_factory=dict)
    """Plan as sent to audience; a plan that is an audience's own name needs no entry."""
    caps: dict[Cap, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    """In place of the usual ones: how many may share an identifier or be on one contact."""


class AgentSettings(Message):
    """One agent: its space, keys (as digests), policies and limits. Key of the compacted topic: the
    agent.
    """

    TOPIC: ClassVar[str] = "contacts.settings.v1"

    agent: str
    workspace: str
    name: str
    region: str | None = None
    """Default region of phone numbers, ISO 3166 alpha-2."""
    grace_days: int = 7
    keys: tuple[KeySettings, ...] = ()
    policies: Policies = Policies()
    limits: Limits = Limits()

    @property
    def key(self) -> str:
        return self.agent
