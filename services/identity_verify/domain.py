"""Whether a claim is proven. Pure: secrets come in unsealed, and nothing is told apart by time."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from contact_schema.interactions import IdentityClaimed, IdentityRefused, IdentityVerified
from contact_schema.observations import ObservedIdentifier, Proof
from contact_schema.values import external_id, is_blocked

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)

Reason = Literal[
    "bad-signature", "no-signature", "no-secret", "blocked", "malformed", "unsupported"
]


@dataclass(frozen=True, slots=True)
class Secret:
    """A live signing secret, unsealed: the bytes that are the key of the HMAC."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"Secret({self.id})"


@dataclass(frozen=True, slots=True)
class Proven:
    """The claim holds. ``secret`` is the id of the secret that signed it, if one did."""

    proof: Proof
    method: Literal["hash", "server"]
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    code: Reason


def check_hash(user: str, user_hash: str | None, secrets: Sequence[Secret]) -> Proven | Refused:
    """Whether ``user_hash`` is the hex HMAC-SHA-256 of exactly this user id under a live secret."""
    if user_hash is None:
        return Refused("no-signature")
    if not _HEX.fullmatch(user_hash):
        return Refused("malformed")
    if not secrets:
        return Refused("no-secret")
    given = bytes.fromhex(user_hash)
    # All are compared, also after a match: the time tells nothing about which one it was.
    matches = [
        secret.id
        for secret in secrets
        if hmac.compare_digest(hmac.digest(secret.key, user.encode(), hashlib.sha256), given)
    ]
    return Proven("proven", "hash", matches[0]) if matches else Refused("bad-signature")


def names_nobody(user: str, blocked: Sequence[str] = ()) -> bool:
    """Whether this user id can be nobody's. ``blocked`` are the agent's own such values."""
    return external_id(user) is None or is_blocked("user", user, blocked)


def decide(
    claim: IdentityClaimed, secrets: Sequence[Secret], blocked: Sequence[str] = ()
) -> Proven | Refused:
    """The verdict on a claim. ``blocked`` are the agent's own values that name nobody."""
    if names_nobody(claim.user, blocked):
        return Refused("blocked")
    if claim.vouched:
        return Proven("asserted", "server")
    if claim.user_hash is None and claim.token is not None:
        return Refused("unsupported")
    return check_hash(claim.user, claim.user_hash, secrets)


def verdict_message(
    claim: IdentityClaimed, verdict: Proven | Refused, now: datetime
) -> IdentityVerified | IdentityRefused:
    """What is told of a verdict. Only a proven claim takes its user id and metadata along."""
    if isinstance(verdict, Refused):
        return IdentityRefused(
            space=claim.space,
            agent=claim.agent,
            claim=claim.claim,
            record=claim.record,
            unit=claim.unit,
            code=verdict.code,
            at=now,
        )
    user = ObservedIdentifier(type="user", key=claim.user, given=claim.user, proof=verdict.proof)
    observation = claim.observation
    return IdentityVerified(
        space=claim.space,
        agent=claim.agent,
        claim=claim.claim,
        record=claim.record,
        unit=claim.unit,
        user=claim.user,
        proof=verdict.proof,
        method=verdict.method,
        observation=observation.model_copy(
            update={"identifiers": (user, *observation.identifiers)}
        ),
    )
