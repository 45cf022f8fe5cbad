"""The attacker's side: no session reads a conversation that it has no proof for."""

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import httpx
import jwt
import pytest

from kith.stack import Stack
from tests.e2e.visitors import Doors, Visitor, eventually, unique, unique_phone

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


@pytest.fixture
def attack(stack: Stack, doors: Doors) -> Attack:
    user, email, phone = unique("victim"), f"{unique('victoria')}@example.com", unique_phone()
    contact = doors.create(
        external_id=user,
        email=email,
        phone=phone,
        name="Victoria Secretive",
        custom_attributes={"pet": "Rex"},
    )
    victim = Victim(user, email, phone, contact["id"])
    return Attack(doors, stack.env["KITH_DEMO_AGENT_ID"], victim)


Step = Callable[[Attack, Visitor], dict[str, Any]]
FORGED: Final[dict[str, Step]] = {
    "typed e-mail": lambda a, v: v.leaves_details(email=a.victim.email),
    "typed phone": lambda a, v: v.leaves_details(phone=a.victim.phone),
    "no signature": lambda a, v: a.identify(v, user_hash=None),
    "an empty hash": lambda a, v: a.identify(v, user_hash=""),
    "a hash of nobody": lambda a, v: a.identify(v, user_hash="0" * 64),
    "another one's hash": lambda a, v: a.identify(v, user_hash=a.doors.sign("somebody-else")),
    "own hash for the victim": lambda a, v: a.identify(v, user_hash=a.doors.sign("mallory")),
    "the user id with a blank": lambda a, v: a.identify(
        v, f"{a.victim.user} ", user_hash=a.doors.sign(a.victim.user)
    ),
    "an expired hash": lambda a, v: a.identify(v, user_hash=a.expiring(-120)),
    "an expiring hash with its time put off": lambda a, v: a.identify(
        v, user_hash=f"{int(time.time()) + 600}.{a.expiring(-120).partition('.')[2]}"
    ),
    "an expired token": lambda a, v: a.identify(v, token=a.token(exp=int(time.time()) - 120)),
    "a token of another agent": lambda a, v: a.identify(v, token=a.token(aud="agent_other")),
    "a token of another user": lambda a, v: a.identify(v, token=a.token(sub="mallory")),
    "a token from the future": lambda a, v: a.identify(
        v, token=a.token(iat=int(time.time()) + 300)
    ),
    "a token by another secret": lambda a, v: a.identify(v, token=a.token("x" * 40)),
    "a token without a signature": lambda a, v: a.identify(v, token=a.unsigned_token()),
    "a hash beside a bad token": lambda a, v: a.identify(
        v, token="a.b.c", user_hash=a.doors.sign(a.victim.user)
    ),
}


def test_nothing_but_a_proof_opens_a_conversation(attack: Attack) -> None:
    """All tries at once, each in a session of its own; then the victim comes in through the same
    doors, with each kind of proof.
    """
    doors, visitors = attack.doors, {name: Visitor.arrives() for name in FORGED}
    for name, visitor in visitors.items():
        doors.accept(FORGED[name](attack, visitor), visitor.says(name))
    await_verdicts(doors, *visitors.values())
    for visitor in visitors.values():
        assert_reads_nothing(doors, visitor.conversation, attack.victim)
    shown = doors.contact(attack.victim.contact).json()
    assert (shown["name"], shown["verified"]) == ("Victoria Secretive", None)

    for signed in (
        {"user_hash": doors.sign(attack.victim.user)},
        {"user_hash": attack.expiring(600)},
        {"token": attack.token()},
    ):
        visitor = Visitor.arrives()
        told = visitor.event("identify", user_id=attack.victim.user, **signed)
        doors.accept(told, visitor.says("It is really me"))
        assert_reads(doors, visitor.conversation, attack.victim)
    for visitor in visitors.values():
        assert_reads_nothing(doors, visitor.conversation, attack.victim)


def test_a_server_s_word_is_no_proof_of_a_conversation(attack: Attack) -> None:
    """An API key may say who somebody is: for the team, not for what the conversation may read."""
    visitor = Visitor.arrives()
    told = visitor.event("identify", user_id=attack.victim.user)
    attack.doors.accept(told, visitor.says("Vouched for"))
    eventually(
        lambda: (
            attack.victim.contact
            in [one["id"] for one in attack.doors.find(conversation_id=visitor.conversation)]
        ),
        "the conversation placed under the victim",
    )
    assert_reads_nothing(attack.doors, visitor.conversation, attack.victim)


@pytest.mark.parametrize("name", ["a hash of nobody", "another one's hash", "an expired token"])
def test_a_proven_conversation_closes_when_somebody_else_is_there(
    attack: Attack, name: str
) -> None:
    """The session signs in, then somebody claims to be another one in it, then nobody is left."""
    doors, visitor = attack.doors, Visitor.arrives()
    doors.accept(
        visitor.identifies(attack.victim.user, doors.sign(attack.victim.user)), visitor.says("I")
    )
    assert_reads(doors, visitor.conversation, attack.victim)
    other = visitor.event("identify", user_id="mallory", user_hash="0" * 64)
    doors.accept(other, visitor.says("Somebody else"))
    eventually(
        lambda: not context(doors, visitor.conversation)[0]["verified"], "the conversation closed"
    )
    assert_reads_nothing(doors, visitor.conversation, attack.victim)
    # The victim was proven in this very conversation: his record stands, and the claim does not.
    doors.accept(FORGED[name](attack, visitor), visitor.says(name))
    await_verdicts(doors, visitor)
    assert_reads_nothing(doors, visitor.conversation, attack.victim)


def test_a_stranger_in_somebody_s_conversation_takes_its_proof_away_and_gets_none(
    stack: Stack, attack: Attack
) -> None:
    doors, victim, stranger = attack.doors, Visitor.arrives(), Visitor.arrives()
    doors.accept(
        victim.identifies(attack.victim.user, doors.sign(attack.victim.user)), victim.says("I")
    )
    assert_reads(doors, victim.conversation, attack.victim)
    page = {"Origin": stack.env["KITH_DEMO_ORIGIN"]}
    nothing: set[str] = set()
    for left_out in (nothing, {"session_id"}, {"session_id", "browser_id"}):
        intruding = stranger.says("And who am I?") | {"conversation_id": victim.conversation}
        body = [{name: value for name, value in intruding.items() if name not in left_out}]
        answer = doors.ingest.post(doors.widget_path, json=body, headers=page)
        assert (answer.status_code, answer.json()) == (202, {})
        eventually(
            lambda: not context(doors, victim.conversation)[0]["verified"],
            "the conversation closed",
        )
        assert_reads_nothing(doors, victim.conversation, attack.victim)
        doors.accept(victim.says("It was me, and still is"))
        assert_reads(doors, victim.conversation, attack.victim)


def test_another_agent_s_keys_and_secrets_open_nothing(
    attack: Attack, second_agent: Doors, stack: Stack
) -> None:
    doors, visitor = attack.doors, Visitor.arrives()
    doors.accept(
        visitor.identifies(attack.victim.user, doors.sign(attack.victim.user)), visitor.says("I")
    )
    assert_reads(doors, visitor.conversation, attack.victim)
    assert_reads_nothing(second_agent, visitor.conversation, attack.victim)

    own = second_agent.api.post("/v1/identity/secrets", json={"label": "own"}).json()
    signed = by(own["secret"], attack.victim.user)
    there, here = Visitor.arrives(), Visitor.arrives()
    second_agent.accept(there.identifies(attack.victim.user, signed), there.says("Over there"))
    eventually(
        lambda: context(second_agent, there.conversation)[0]["verified"], "verified over there"
    )
    assert_reads_nothing(doors, there.conversation, attack.victim)
    assert context(second_agent, there.conversation)[0]["contact"]["name"] is None
    doors.accept(here.identifies(attack.victim.user, signed), here.says("Over here"))
    await_verdicts(doors, here)
    assert_reads_nothing(doors, here.conversation, attack.victim)


def test_after_a_revocation_only_what_was_signed_later_opens_anything(attack: Attack) -> None:
    doors, user, before = attack.doors, attack.victim.user, Visitor.arrives()
    young = doors.api.post("/v1/identity/secrets", json={"label": "before"}).json()
    doors.accept(before.identifies(user, doors.sign(user)), before.says("It is me"))
    assert_reads(doors, before.conversation, attack.victim)
    stolen_token = attack.token()

    path = f"/v1/contacts/{attack.victim.contact}/verification/revoke"
    assert doors.api.post(path).status_code == httpx.codes.OK
    eventually(
        lambda: not context(doors, before.conversation)[0]["verified"], "the conversation closed"
    )
    in_order = {"user_id": user, "token": stolen_token}
    eventually(
        lambda: doors.api.post("/v1/identity/check", json=in_order).json()["ok"] is False,
        "the revocation known where signatures are checked",
    )
    for signed in (
        {"user_hash": doors.sign(user)},
        {"user_hash": attack.expiring(600)},
        {"user_hash": by(young["secret"], user)},
        {"token": stolen_token},
    ):
        again = Visitor.arrives()
        doors.accept(again.event("identify", user_id=user, **signed), again.says("Once more"))
        await_verdicts(doors, again)
        assert_reads_nothing(doors, again.conversation, attack.victim)
    doors.accept(before.says("Still here"))
    assert_reads_nothing(doors, before.conversation, attack.victim)

    newer = doors.api.post("/v1/identity/secrets", json={"label": "after"}).json()
    issued = eventually(
        lambda: (now := int(time.time())) > revoked_at(doors, attack) and now, "a later second"
    )
    for signed in (
        {"user_hash": by(newer["secret"], user)},
        {"token": attack.token(iat=issued)},
    ):
        back = Visitor.arrives()
        doors.accept(back.event("identify", user_id=user, **signed), back.says("Signed anew"))
        assert_reads(doors, back.conversation, attack.victim)
    assert_reads_nothing(doors, before.conversation, attack.victim)
    for made in (young, newer):
        doors.api.delete(f"/v1/identity/secrets/{made['id']}")


def by(secret: str, user: str) -> str:
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def revoked_at(doors: Doors, attack: Attack) -> float:
    audit = doors.api.get("/v1/audit", params={"contact": attack.victim.contact}).json()["data"]
    at = next(entry["at"] for entry in audit if entry["action"] == "verification.revoked")
    return datetime.fromisoformat(at).timestamp()


def test_an_unsigned_plan_raises_a_mismatch_and_a_signed_one_the_audience(attack: Attack) -> None:
    doors, user = attack.doors, attack.victim.user
    path = f"/v1/contacts/{attack.victim.contact}"
    visitor = Visitor.arrives()
    doors.accept(visitor.identifies(user, doors.sign(user), plan="enterprise"))
    flagged = eventually(
        lambda: (one := doors.api.get(path).json())["tier_mismatch"] and one, "a tier mismatch"
    )
    assert (flagged["audience"]["value"], flagged["audience"]["source"]) == ("public", "default")
    mismatch = flagged["tier_mismatch"]
    assert (mismatch["sent"], mismatch["has"], mismatch["source"]) == (
        "enterprise",
        "public",
        "self",
    )

    signed = attack.token(
        email=f"new-{attack.victim.email}",
        email_verified=True,
        attributes={"plan": "enterprise", "pet": "Bello"},
    )
    doors.accept(visitor.event("identify", user_id=user, token=signed))
    risen = eventually(
        lambda: (one := doors.api.get(path).json())["audience"]["value"] == "enterprise" and one,
        "the audience risen",
    )
    assert (risen["audience"]["source"], risen["tier_mismatch"]) == ("signed", None)
    assert risen["custom_attributes"]["pet"] == "Bello"
    proofs = {one["value"]: one["proof"] for one in risen["emails"]}
    assert proofs == {attack.victim.email: "asserted", f"new-{attack.victim.email}": "proven"}


def test_an_agent_that_rejects_drops_what_comes_after_a_bad_signature(
    second_agent: Doors,
) -> None:
    assert second_agent.api.patch("/v1/settings", json={"on_bad_signature": "reject"}).is_success
    try:
        visitor = Visitor.arrives()

        def rejected() -> bool:
            answer = second_agent.send(visitor.says("Dropped"))
            return [one["code"] for one in answer["rejected"]] == ["bad-signature"]

        def policy_known() -> bool:
            """Verdicts are read by the policy of their moment: one that came too early is over."""
            nonlocal visitor
            visitor = Visitor.arrives()
            second_agent.accept(visitor.identifies(unique("user"), "0" * 64))
            with contextlib.suppress(AssertionError):
                return bool(eventually(rejected, "an event rejected", seconds=2))
            return False

        eventually(policy_known, "an event rejected with its claim")
        assert second_agent.send(visitor.logs_out(), visitor.says("Anonymous"))["accepted"] == 2
    finally:
        second_agent.api.patch("/v1/settings", json={"on_bad_signature": "anonymous"})
