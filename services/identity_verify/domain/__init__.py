"""Whether a claim is proven. Pure: keys come in unsealed, and the time of a claim comes with it."""

from identity_verify.domain.hashes import check_hash
from identity_verify.domain.keys import Algorithm, NotAKey, Secret, public_key
from identity_verify.domain.tokens import Opened, check_claims, open_token
from identity_verify.domain.verdicts import (
    ATTEMPTS_KEPT,
    FAILED_ATTEMPTS,
    FAILURES,
    Proven,
    Refused,
    Shown,
    Verdict,
    messages_of,
    names_nobody,
    shown_by,
)

__all__ = [
    "ATTEMPTS_KEPT",
    "FAILED_ATTEMPTS",
    "FAILURES",
    "Algorithm",
    "NotAKey",
    "Opened",
    "Proven",
    "Refused",
    "Secret",
    "Shown",
    "Verdict",
    "check_claims",
    "check_hash",
    "messages_of",
    "names_nobody",
    "open_token",
    "public_key",
    "shown_by",
]
