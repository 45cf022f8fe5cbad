"""User hashes: static ones, and those that expire."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from identity_verify.domain.keys import Secret
from identity_verify.domain.verdicts import LEEWAY, Proven, Refused, Shown

_STATIC: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_EXPIRING: Final = re.compile(r"(?P<expires>[0-9]{1,12})\.(?P<digest>[0-9a-fA-F]{128})", re.ASCII)


def check_hash(
    shown: Shown, secrets: Sequence[Secret], revoked: datetime | None = None
) -> Proven | Refused:
    """Whether the hash is one of exactly this user id under a live secret.

    Static: the hex HMAC-SHA-256 of the user id. Expiring: ``<expires>.`` and the hex HMAC-SHA-512
    of ``<expires>.<user id>``, where ``expires`` are whole seconds since 1970. Two functions, so
    that no user id, whatever it says, has a static hash that is another one's expiring hash.

    A hash does not say when it was made: after a revocation only one of a younger secret counts.
    """
    if shown.user_hash is None:
        return Refused("no-signature")
    expiring = _EXPIRING.fullmatch(shown.user_hash)
    if not expiring and not _STATIC.fullmatch(shown.user_hash):
        return Refused("malformed")
    secrets = [secret for secret in secrets if secret.algorithm == "HS256"]
    if not secrets:
        return Refused("no-secret")
    if expiring:
        text, digest, function = (
            f"{expiring['expires']}.{shown.user}",
            expiring["digest"],
            hashlib.sha512,
        )
    else:
        text, digest, function = shown.user, shown.user_hash, hashlib.sha256
    given = bytes.fromhex(digest)
    # All are compared, also after a match: the time tells nothing about which one it was.
    matches = [
        secret
        for secret in secrets
        if hmac.compare_digest(hmac.digest(secret.key, text.encode(), function), given)
    ]
    if not matches:
        return Refused("bad-signature")
    if expiring and int(expiring["expires"]) + LEEWAY <= shown.at.timestamp():
        return Refused("expired")
    youngest = max(matches, key=lambda secret: secret.since)
    if revoked is not None and youngest.since <= revoked:
        return Refused("revoked")
    return Proven("proven", "hash", youngest.id, youngest.since)
