"""Signing secrets at rest: AES-256-GCM under a key that derives from the deployment's secret."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12

Encoding = Literal["utf8", "hex"]


class SealBroken(Exception):
    """A sealed secret does not open: another deployment's secret sealed it, or it was changed."""


@dataclass(frozen=True)
class Sealer:
    """Seals and opens the secrets of agents; a row copied to another agent does not open there."""

    deployment_secret: str = field(repr=False)

    def seal(self, agent: str, secret: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._key(b"seal")).encrypt(nonce, secret.encode(), _bound_to(agent))
        return _FORMAT + nonce + sealed

    def open(self, agent: str, sealed: bytes) -> str:
        """The secret as it was given. Raises SealBroken."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return AESGCM(self._key(b"seal")).decrypt(nonce, body, _bound_to(agent)).decode()
        except (InvalidTag, ValueError):
            raise SealBroken("a signing secret does not open") from None

    def fingerprint(self, agent: str, secret: str) -> bytes:
        """Tells whether a secret is known without opening any."""
        bound = _bound_to(agent) + b"\0" + secret.encode()
        return hmac.digest(self._key(b"fingerprint"), bound, hashlib.sha256)

    def _key(self, purpose: bytes) -> bytes:
        derive = HKDF(SHA256(), 32, salt=None, info=b"kith identity secrets " + purpose)
        return derive.derive(self.deployment_secret.encode())


def key_of(secret: str, encoding: Encoding) -> bytes:
    """The bytes that sign. Raises ValueError for a hex secret that is none."""
    return bytes.fromhex(secret) if encoding == "hex" else secret.encode()


def _bound_to(agent: str) -> bytes:
    return b"identity-secret\0" + agent.encode()
