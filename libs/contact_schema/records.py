"""Which record an event belongs to, as a permanent public id.

A record is (unit, user id in force or none, generation). Its id is an HMAC under a key of its
space, so that every door computes the same id and nobody outside can guess one or test a value
against it. Source of the rule: docs, "Ids, redirects, merge and unmerge".
"""

import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import orjson

ID_CHARACTERS = 26
"""130 bits in base32: what a public id carries after its prefix."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]

UnitKind = Literal["conversation", "session", "browser", "sender", "user", "api", "import", "crm"]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one source saw in one go: a conversation, a session, an API or import row, a CRM record.

    ``source`` tells sources of one kind apart (an agent, ``api``, an import, a vendor account);
    ``name`` is the source's own id of it and may name a person, so it never leaves the door but as
    an opaque id.
    """

    kind: UnitKind
    source: str
    name: str


def space_key(deployment_secret: str, space: str) -> bytes:
    """The 32-byte key of a space. Every door derives the same one from the deployment's secret."""
    return hmac.digest(deployment_secret.encode(), b"space:" + space.encode(), hashlib.sha256)


def opaque_id(key: bytes, prefix: str, *parts: str | int) -> str:
    """``prefix_`` and 26 characters that only the holder of the key can compute from the parts."""
    digest = hmac.digest(key, prefix.encode() + b"\0" + _canonical(parts), hashlib.sha256)
    # The first 130 bits in lower-case base32, two characters at a time and forty bits in a number:
    # an event has half a dozen ids, and base64.b32encode takes five times as long.
    a = int.from_bytes(digest[:5], "big")
    b = int.from_bytes(digest[5:10], "big")
    c = int.from_bytes(digest[10:15], "big")
    return (
        f"{prefix}_{_PAIRS[a >> 30]}{_PAIRS[a >> 20 & 1023]}{_PAIRS[a >> 10 & 1023]}"
        f"{_PAIRS[a & 1023]}{_PAIRS[b >> 30]}{_PAIRS[b >> 20 & 1023]}{_PAIRS[b >> 10 & 1023]}"
        f"{_PAIRS[b & 1023]}{_PAIRS[c >> 30]}{_PAIRS[c >> 20 & 1023]}{_PAIRS[c >> 10 & 1023]}"
        f"{_PAIRS[c & 1023]}{_PAIRS[int.from_bytes(digest[15:17], 'big') >> 6]}"
    )


def _canonical(parts: tuple[str | int, ...]) -> bytes:
    """JSON without spaces. The fast writer makes the same bytes of all that it takes."""
    try:
        return orjson.dumps(parts)
    except TypeError:  # a lone surrogate, or a number beyond 64 bits
        written = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return written.encode("utf-8", "surrogatepass")


def unit_id(key: bytes, unit: Unit) -> str:
    """``unit_…``: tells which records are of one unit (rank 9) without naming it."""
    return opaque_id(key, "unit", unit.kind, unit.source, unit.name)


def record_id(key: bytes, unit: Unit, user: str | None, generation: int = 0) -> str:
    """``contact_…``: the permanent public id of one record. A replay makes the same ids."""
    return opaque_id(
        key,
        "contact",
        unit.kind,
        unit.source,
        unit.name,
        0 if user is None else 1,
        user or "",
        generation,
    )


def candidate_ids(
    key: bytes, unit: Unit, user: str | None, generations: int = 8
) -> tuple[str, ...]:
    """The first ids of this unit and user, generation by generation, to be checked against the
    fence in one query.
    """
    return tuple(record_id(key, unit, user, generation) for generation in range(generations))


def living_id(key: bytes, unit: Unit, user: str | None, fenced: Collection[str]) -> str:
    """The id of the lowest generation that is not fenced: after an erasure a later visit is a new
    record.
    """
    generation = 0
    while (candidate := record_id(key, unit, user, generation)) in fenced:
        generation += 1
    return candidate


def fact_id(key: bytes, *parts: str | int) -> str:
    """``fact_…``: the id of a fact, derived by its sender from what caused it, so that a repeat is
    one fact.
    """
    return opaque_id(key, "fact", *parts)
