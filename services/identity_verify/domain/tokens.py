"""Signed tokens (JWT): who signed one, and whether what it says holds for this claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from jwt import PyJWS
from jwt.exceptions import InvalidAlgorithmError, InvalidSignatureError, PyJWTError

from identity_verify.domain.keys import Secret
from identity_verify.domain.verdicts import LEEWAY, Proven, Refused, Shown

TOKEN_BYTES: Final = 4_096
_JWS: Final = PyJWS()


@dataclass(frozen=True, slots=True)
class Opened:
    """A token whose signature holds. ``payload`` is what it says, unread."""

    secret: str
    payload: bytes = field(repr=False)


def open_token(token: str, secrets: Sequence[Secret]) -> Opened | Refused:
    """Who signed it. Each key takes tokens of its own algorithm only, whatever the header says."""
    if not token.isascii() or not 0 < len(token) <= TOKEN_BYTES:
        return Refused("malformed")
    if not secrets:
        return Refused("no-secret")
    refused: Refused | None = None
    for secret in secrets:
        try:
            opened = _JWS.decode_complete(token, secret.key, [secret.algorithm])
        except InvalidAlgorithmError:
            refused = refused or Refused("unsupported")
        except InvalidSignatureError:
            refused = Refused("bad-signature")
        except (PyJWTError, ValueError, RecursionError):
            return Refused("malformed")
        else:
            return Opened(secret.id, opened["payload"])
    return refused or Refused("bad-signature")


def check_claims(
    opened: Opened, payload: Mapping[str, Any], shown: Shown, revoked: datetime | None = None
) -> Proven | Refused:
    """Whether it was made for this user and this agent, and was in force when the claim was
    accepted. After a revocation it must have been issued later.
    """
    subject = payload.get("sub")
    if not isinstance(subject, str) or not {"exp", "iat", "aud"} <= payload.keys():
        return Refused("malformed")
    audience = payload["aud"] if isinstance(payload["aud"], list) else [payload["aud"]]
    if subject != shown.user or shown.agent not in audience:
        return Refused("bad-signature")
    expires, issued = _seconds(payload["exp"]), _seconds(payload["iat"])
    begins = _seconds(payload.get("nbf", payload["iat"]))
    if expires is None or issued is None or begins is None:
        return Refused("malformed")
    now = shown.at.timestamp()
    if expires + LEEWAY <= now:
        return Refused("expired")
    if max(issued, begins) - LEEWAY > now:
        # Nobody can have signed it yet: a clock is wrong, or somebody outwits a revocation.
        return Refused("bad-signature")
    if revoked is not None and issued <= revoked.timestamp():
        return Refused("revoked")
    signed = {name: payload[name] for name in _VALUES if payload.get(name) is not None}
    return Proven("proven", "token", opened.secret, datetime.fromtimestamp(issued, UTC), signed)


_VALUES: Final = ("email", "email_verified", "phone", "attributes")


def _seconds(given: Any) -> float | None:
    """Seconds since 1970, up to the year 9999."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return float(given) if 0 <= given < 253_402_300_800 else None
