"""The keys by which an agent's own server signs: secrets, and public keys of a fixed algorithm."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

Algorithm = Literal["HS256", "ES256", "EdDSA"]
"""HS256 keys are secrets, which sign hashes too."""

_LONGEST_PEM: Final = 2_000


class NotAKey(ValueError):
    """What was given is no public key of this algorithm."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A live key, unsealed: the bytes of a secret, or a public key in PEM. ``since`` is when it was
    first given to us: nothing that it signed is older.
    """

    id: str
    key: bytes
    since: datetime
    algorithm: Algorithm = "HS256"

    def __repr__(self) -> str:
        return f"Secret({self.id})"


def public_key(given: str, algorithm: Algorithm) -> str:
    """The key in one spelling of PEM. Raises NotAKey, also for a private key: it was never asked
    for.
    """
    if len(given) > _LONGEST_PEM:
        raise NotAKey
    try:
        key = load_pem_public_key(given.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise NotAKey from None
    fits = {
        "ES256": isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1),
        "EdDSA": isinstance(key, Ed25519PublicKey),
    }
    if not fits.get(algorithm, False):
        raise NotAKey
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
