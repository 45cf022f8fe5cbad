"""A victim, whoever tries to be him, and what a conversation may read."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import httpx
import jwt

from tests.e2e.visitors import Doors, Visitor, eventually, unique

TEMPLATE: Final = (
    "{{contact.name}}|{{contact.email}}|{{contact.phone}}|{{contact.external_id}}|"
    "{{contact.attr.pet}}"
)


@dataclass(frozen=True)
class Victim:
    """A customer whom the shop's own server has told us of, and what only he may read."""

    user: str
    email: str
    phone: str
    contact: str

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.user, self.email, self.phone, "Victoria Secretive", "Rex")


@dataclass(frozen=True)
class Attack:
    """Where somebody tries: at the doors of one agent, with the keys of the stack at hand."""

    doors: Doors
    agent: str
    victim: Victim

    def identify(self, visitor: Visitor, user: str | None = None, **signed: Any) -> dict[str, Any]:
        who = self.victim.user if user is None else user
        return visitor.event("identify", user_id=who, user_metadata={"name": "Mallory"}, **signed)

    def token(self, secret: str | None = None, **claims: Any) -> str:
        now = int(time.time())
        told = {"sub": self.victim.user, "aud": self.agent, "iat": now, "exp": now + 600} | claims
        return jwt.encode(told, secret or self.doors.identity_secret)

    def expiring(self, seconds: int) -> str:
        expires = int(time.time()) + seconds
        text, key = f"{expires}.{self.victim.user}", self.doors.identity_secret.encode()
        return f"{expires}.{hmac.new(key, text.encode(), hashlib.sha512).hexdigest()}"

    def unsigned_token(self) -> str:
        return jwt.encode({"sub": self.victim.user, "aud": self.agent, "exp": 2**32}, "", "none")


def context(doors: Doors, conversation: str) -> tuple[dict[str, Any], dict[str, Any]]:
    asked = doors.api.get(f"/v1/conversations/{conversation}/contact")
    path = f"/v1/conversations/{conversation}/render"
    rendered = doors.api.post(path, json={"template": TEMPLATE})
    assert asked.status_code == rendered.status_code == httpx.codes.OK
    return asked.json(), rendered.json()


def await_verdicts(doors: Doors, *visitors: Visitor) -> None:
    """Whatever these had claimed has been judged, and its readers know: a claim that was made after
    theirs, in the same space and order, is through.
    """
    marker, user = Visitor.arrives(), unique("marker")
    doors.accept(marker.identifies(user, doors.sign(user)), marker.says("Marker"))
    eventually(lambda: context(doors, marker.conversation)[0]["verified"], "a later claim verified")
    for visitor in visitors:
        eventually(
            partial(doors.find, conversation_id=visitor.conversation), "the conversation placed"
        )


def assert_reads_nothing(doors: Doors, conversation: str, victim: Victim) -> None:
    asked, rendered = context(doors, conversation)
    assert asked == {"verified": False}
    assert (rendered["text"], rendered["verified"]) == ("||||", False)
    assert not [one for one in victim.secrets if one in json.dumps([asked, rendered])]


def assert_reads(doors: Doors, conversation: str, victim: Victim) -> None:
    eventually(lambda: context(doors, conversation)[0]["verified"], "the conversation verified")
    asked, rendered = context(doors, conversation)
    assert asked["contact"]["id"] == victim.contact
    assert rendered["text"] == "|".join(
        ("Victoria Secretive", victim.email, victim.phone, victim.user, "Rex")
    )


def by(secret: str, user: str) -> str:
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def revoked_at(doors: Doors, attack: Attack) -> float:
    audit = doors.api.get("/v1/audit", params={"contact": attack.victim.contact}).json()["data"]
    at = next(entry["at"] for entry in audit if entry["action"] == "verification.revoked")
    return datetime.fromisoformat(at).timestamp()
