"""What is judged, the verdict, and what is told of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from contact_schema.interactions import (
    IdentityClaimed,
    IdentityRefused,
    IdentityVerified,
    RefusalCode,
)
from contact_schema.metadata import address, metadata_fields
from contact_schema.observations import Observation, ObservedIdentifier, Proof
from contact_schema.settings import AgentSettings
from contact_schema.values import external_id, is_blocked

LEEWAY: Final = 60
"""Seconds by which the clocks of a customer's server and ours may differ."""
FAILED_ATTEMPTS: Final = 20
"""In one unit and `ATTEMPTS_KEPT`; beyond them no signature is looked at there."""
ATTEMPTS_KEPT: Final = timedelta(minutes=10)
FAILURES: Final = frozenset({"bad-signature", "malformed", "unsupported"})
"""Verdicts that count as failed attempts: the others are no guess at a signature."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Who somebody says he is, to which agent and when, and what he shows for it."""

    user: str = field(repr=False)
    agent: str
    at: datetime
    """When the claim was accepted: a token in force then is good however late it is read."""
    user_hash: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proven:
    """The claim holds. ``secret`` is the id of the key that signed it, if one did."""

    proof: Proof
    method: Literal["hash", "token", "server"]
    secret: str | None = None
    signed_at: datetime | None = None
    """At the earliest."""
    signed: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What a token says of the person: ``email``, ``email_verified``, ``phone``, ``attributes``."""


@dataclass(frozen=True, slots=True)
class Refused:
    code: RefusalCode


Verdict = Proven | Refused


def shown_by(claim: IdentityClaimed) -> Shown:
    return Shown(claim.user, claim.agent, claim.observation.at, claim.user_hash, claim.token)


def names_nobody(user: str, blocked: Sequence[str] = ()) -> bool:
    """Whether this user id can be nobody's. ``blocked`` are the agent's own such values."""
    return external_id(user) is None or is_blocked("user", user, blocked)


def messages_of(
    claim: IdentityClaimed,
    verdict: Verdict,
    now: datetime,
    agent: AgentSettings | None,
    fact: str,
) -> Iterator[IdentityVerified | IdentityRefused]:
    """What is told of a verdict. Only a proven claim takes its user id and metadata along; what a
    token says itself is a fact of its own, whose id is ``fact``, and comes first.
    """
    if isinstance(verdict, Refused):
        yield IdentityRefused(
            space=claim.space,
            agent=claim.agent,
            claim=claim.claim,
            record=claim.record,
            unit=claim.unit,
            code=verdict.code,
            at=now,
        )
        return
    if verdict.signed:
        yield _verified(claim, verdict, _signed(claim.observation, verdict.signed, agent, fact))
    yield _verified(claim, verdict, claim.observation)


def _verified(
    claim: IdentityClaimed, verdict: Proven, observation: Observation
) -> IdentityVerified:
    user = ObservedIdentifier(type="user", key=claim.user, given=claim.user, proof=verdict.proof)
    return IdentityVerified(
        space=claim.space,
        agent=claim.agent,
        claim=claim.claim,
        record=claim.record,
        unit=claim.unit,
        user=claim.user,
        proof=verdict.proof,
        method=verdict.method,
        signed_at=verdict.signed_at,
        observation=observation.model_copy(
            update={"identifiers": (user, *observation.identifiers)}
        ),
    )


def _signed(
    said: Observation, signed: Mapping[str, Any], agent: AgentSettings | None, fact: str
) -> Observation:
    region = agent.region if agent else None
    blocked = agent.policies.blocked_values if agent else ()
    proof: Proof = "proven" if signed.get("email_verified") is True else "asserted"
    given = signed.get("attributes")
    attributes = given if isinstance(given, Mapping) else {}
    if "email" not in signed:
        proof = "asserted"
    email, phone = ({**attributes, **signed}.get(name) for name in ("email", "phone"))
    return Observation(
        fact=fact,
        at=said.at,
        occurred_at=said.occurred_at,
        identifiers=(
            *address("email", email, proof, region, blocked),
            *address("phone", phone, "asserted", region, blocked),
        ),
        fields=metadata_fields(attributes, True),
        field_class="signed",
    )
