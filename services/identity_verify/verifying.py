"""The verdict on what somebody shows. Reading a token's payload is the kit's; the rest is pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from identity_verify import domain
from identity_verify.domain import Refused, Secret, Shown, Verdict
from service_kit.bodies import parse_json, unkeepable
from service_kit.problems import Problem


def judge(
    shown: Shown,
    secrets: Sequence[Secret],
    blocked: Sequence[str] = (),
    revoked: datetime | None = None,
) -> Verdict:
    """A token decides where one is shown, else the hash. ``blocked`` are the agent's own values
    that name nobody; ``revoked`` is when proofs of this user were last revoked.
    """
    if domain.names_nobody(shown.user, blocked):
        return Refused("blocked")
    if shown.token is None:
        return domain.check_hash(shown, secrets, revoked)
    opened = domain.open_token(shown.token, secrets)
    if isinstance(opened, Refused):
        return opened
    payload = _read(opened.payload)
    if payload is None:
        return Refused("malformed")
    return domain.check_claims(opened, payload, shown, revoked)


def _read(payload: bytes) -> dict[str, Any] | None:
    """What a token says, unless something in it cannot be kept."""
    try:
        told = parse_json(payload)
    except Problem:
        return None
    return told if isinstance(told, dict) and unkeepable(told) is None else None
