"""The attacker's side: no session reads a conversation that it has no proof for."""

import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from kith.stack import Stack
from tests.e2e.attacks import (
    Attack,
    assert_reads,
    assert_reads_nothing,
    await_verdicts,
    by,
    context,
)
from tests.e2e.visitors import Doors, Visitor, eventually

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
