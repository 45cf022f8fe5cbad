"""Credentials at rest: AES-256-GCM under a key of the space, from the deployment's secret."""

import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
PURPOSE = b"crm_sync:credentials"


def seal(deployment_secret: str, space: str, plain: bytes) -> bytes:
    """Nonce and ciphertext. Bound to the space: moved to another one it does not open."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key(deployment_secret, space)).encrypt(nonce, plain, _bound_to(space))


def unseal(deployment_secret: str, space: str, sealed: bytes) -> bytes:
    """Raises cryptography's InvalidTag when the secret, the space or a byte is another."""
    nonce, cipher = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    return AESGCM(_key(deployment_secret, space)).decrypt(nonce, cipher, _bound_to(space))


def _key(deployment_secret: str, space: str) -> bytes:
    derivation = HKDF(SHA256(), 32, salt=None, info=PURPOSE + b":" + space.encode())
    return derivation.derive(deployment_secret.encode())


def _bound_to(space: str) -> bytes:
    return PURPOSE + b"\0" + space.encode()
