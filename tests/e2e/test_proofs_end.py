"""What a proof is worth afterwards: revoked, of a plan, or forged where that is not forgiven."""

import contextlib
import time

import httpx

from tests.e2e.attacks import (
    Attack,
    assert_reads,
    assert_reads_nothing,
    await_verdicts,
    by,
    context,
    revoked_at,
)
from tests.e2e.visitors import Doors, Visitor, eventually, unique


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
