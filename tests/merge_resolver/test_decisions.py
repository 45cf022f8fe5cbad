"""What is decided about an identifier, a user id or the rules, on a real database."""

from typing import Any

import pytest

from contact_schema.changes import CommandSettled, ContactsMerged, ContactSplit
from contact_schema.commands import (
    BlockIdentifier,
    ChangePolicy,
    ReleaseIdentifier,
    RevokeProof,
    SeparateRecords,
    Side,
    SideIdentifier,
)
from contact_schema.settings import Policies
from merge_resolver.sweeping import sweep_some
from tests.merge_resolver.engine import (
    SPACE,
    Engine,
    all_of,
    at,
    edit,
    event,
    one_of,
    ordered,
    row,
    told,
    undo,
    verified,
)

ADA = SideIdentifier(type="email", key="ada@example.com")
PHONE = SideIdentifier(type="phone", key="+4930111111")


def block(minute: int, identifier: SideIdentifier = ADA) -> BlockIdentifier:
    return ordered(BlockIdentifier, minute, fact=f"fact_block{minute}", identifier=identifier)


def release(minute: int, identifier: SideIdentifier = PHONE) -> ReleaseIdentifier:
    return ordered(ReleaseIdentifier, minute, fact=f"fact_rel{minute}", identifier=identifier)


def revoke(minute: int, contact: str, *users: str) -> RevokeProof:
    return ordered(RevokeProof, minute, contact=contact, fact=f"fact_rev{minute}", users=users)


def policy(minute: int, **changes: Any) -> ChangePolicy:
    return ordered(ChangePolicy, minute, policies=Policies(**changes))


async def _ada(engine: Engine, minute: int, *records: str) -> None:
    for number, record in enumerate(records):
        await engine.take(row(record, minute + number, told("email", ADA.key, "asserted")))


async def test_a_blocked_identifier_links_nothing_from_then_on_and_before(engine: Engine) -> None:
    await _ada(engine, 0, "contact_a", "contact_b")
    sent = await engine.take(block(2))
    assert one_of(sent, ContactSplit).cause == "operator"
    assert one_of(sent, CommandSettled).outcome == "updated"
    await _ada(engine, 3, "contact_c")
    assert len(engine.records()) == 3


async def test_a_block_of_what_nobody_has_yet_counts_when_somebody_comes(engine: Engine) -> None:
    assert (await engine.settle(block(0))).outcome == "updated"
    await _ada(engine, 1, "contact_a", "contact_b")
    assert len(engine.records()) == 2


async def test_a_block_that_is_taken_back_never_was(engine: Engine) -> None:
    await _ada(engine, 0, "contact_a", "contact_b")
    before = engine.contacts()
    ordered_ = block(2)
    await engine.take(ordered_)
    assert (await engine.settle(undo(ordered_.fact, 3))).outcome == "updated"
    assert engine.contacts() == before
    assert (await engine.settle(ordered_.model_copy(update={"command": "again"}))).outcome == (
        "unchanged"
    )


async def test_a_number_that_changed_hands_tells_its_owners_apart(engine: Engine) -> None:
    phone = told("phone", PHONE.key, "asserted")
    await engine.take(row("contact_a", 0, phone), row("contact_b", 1, phone))
    assert (await engine.settle(release(5))).outcome == "updated"
    await engine.take(row("contact_c", 6, phone))
    await engine.take(row("contact_d", 7, phone))
    assert sorted(map(sorted, engine.records().values())) == [
        ["contact_a", "contact_b"],
        ["contact_c", "contact_d"],
    ]


async def test_a_revoked_proof_counts_as_typed_until_a_newer_one_comes(engine: Engine) -> None:
    await engine.take(verified("contact_a", 0, "u1"))
    settled = await engine.settle(revoke(5, "contact_a", "u1"))
    assert (settled.outcome, settled.contact) == ("updated", "contact_a")
    assert engine.contacts()["contact_a"].verified is None
    await engine.take(verified("contact_a", 4, "u1"))  # was on its way before the revocation
    assert engine.contacts()["contact_a"].verified is None
    await engine.take(verified("contact_a", 6, "u1"))
    assert engine.contacts()["contact_a"].verified is not None
    assert await engine.take(verified("contact_a", 7, "u1")) == []


async def test_a_proof_is_as_old_as_its_signature(engine: Engine) -> None:
    """Whoever judged it had not heard of the revocation yet."""
    await engine.take(verified("contact_a", 0, "u1"))
    await engine.settle(revoke(5, "contact_a", "u1"))
    late = verified("contact_a", 6, "u1")
    await engine.take(late.model_copy(update={"signed_at": at(4)}))
    assert engine.contacts()["contact_a"].verified is None
    newer = verified("contact_a", 8, "u1")
    await engine.take(newer.model_copy(update={"signed_at": at(7)}))
    assert engine.contacts()["contact_a"].verified is not None


async def test_what_goes_on_under_a_revoked_claim_proves_nothing_anew(engine: Engine) -> None:
    """A page left open: its session is still the claim's."""
    session = told("session", "agent:s1")
    await engine.take(verified("contact_a", 0, "u1"))
    await engine.settle(revoke(5, "contact_a", "u1"))
    later = event("contact_b", 6, session)
    await engine.take(later.model_copy(update={"claim": "claim_contact_a"}))
    assert all(contact.verified is None for contact in engine.contacts().values())


async def test_a_revocation_of_somebody_who_is_not_there_is_refused(engine: Engine) -> None:
    settled = await engine.settle(revoke(0, "contact_none", "u1"))
    assert (settled.outcome, settled.code) == ("refused", "not-found")


async def test_an_operator_separates_two_that_evidence_joined(engine: Engine) -> None:
    await _ada(engine, 0, "contact_a", "contact_b")
    sides = (Side(records=("contact_a",), identifiers=(ADA,)), Side(records=("contact_b",)))
    cut = ordered(SeparateRecords, 2, fact="fact_cut", sides=sides)
    assert (await engine.settle(cut)).contacts == ("contact_a", "contact_b")
    await _ada(engine, 3, "contact_c")
    assert engine.records()["contact_a"] == {"contact_a", "contact_c"}


async def _sweep(engine: Engine, minute: int) -> list[Any]:
    start = len(engine.tx.emitted)
    while await sweep_some(engine.tx, engine.streams, SPACE, minute * 60_000_000, blobs=2):
        await engine.commit()
    await engine.commit()
    return engine.tx.emitted[start:]


async def test_a_change_of_policy_is_told_of_all_contacts_some_at_a_time(engine: Engine) -> None:
    for one in range(5):
        address = told("email", f"p{one}@example.com")
        await engine.take(event(f"contact_a{one}", one, address))
        await engine.take(event(f"contact_b{one}", one + 1, address))
    assert len(engine.records()) == 5
    settled = await engine.settle(policy(10, typed_email="suggest"))
    assert (settled.outcome, settled.contact) == ("updated", None)
    assert {one.cause for one in all_of(await _sweep(engine, 10), ContactSplit)} == {"policy"}
    assert len(engine.records()) == 10
    await engine.take(policy(20))
    merged = all_of(await _sweep(engine, 20), ContactsMerged)
    assert {one.cause for one in merged} == {"policy"}
    assert len(engine.records()) == 5
    assert await engine.tx.connection.fetchval(
        "SELECT array_agg(DISTINCT rules_version) FROM merge_resolver.merges"
    ) == [3]


async def test_a_policy_that_is_in_force_already_changes_nothing(engine: Engine) -> None:
    await engine.take(policy(0, typed_email="suggest"))
    assert (await engine.settle(policy(1, typed_email="suggest"))).outcome == "unchanged"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_what_comes_after_a_change_of_policy_follows_it(
    engine: Engine, order: tuple[int, int]
) -> None:
    await engine.take(policy(0, typed_email="suggest"))
    for number in order:
        await engine.take(event(f"contact_{number}", number + 1, told("email", ADA.key)))
    assert len(engine.records()) == 2


async def test_a_browser_is_handed_over_by_logging_out(engine: Engine) -> None:
    """What was said before by it is the first one's, what comes after is the next one's."""
    browser = told("browser", "b1")
    await engine.take(verified("contact_u1", 0, "u1", browser))
    await engine.take(event("contact_u1", 5, browser, type="logged_out"))
    await engine.take(event("contact_next", 6, browser))
    assert sorted(map(len, engine.records().values())) == [1, 1]
    await engine.take(verified("contact_u2", 7, "u2", browser))
    assert engine.records()["contact_u2"] == {"contact_next", "contact_u2"}
    assert engine.records()["contact_u1"] == {"contact_u1"}


async def test_where_anonymous_contacts_are_off_a_visitor_is_one_when_he_is_somebody(
    engine: Engine,
) -> None:
    await engine.take(policy(0, anonymous_contacts="off"))
    browser = told("browser", "b1")
    assert await engine.take(event("contact_a", 1, browser, fields={"name": "Ada"})) == []
    assert await engine.take(event("contact_b", 2, browser)) == []
    assert (await engine.settle(edit("contact_a", 3, fields={"name": "X"}))).code == "not-found"
    await engine.take(event("contact_b", 4, browser, told("email", ADA.key)))
    assert engine.records() == {"contact_a": {"contact_a", "contact_b"}}
    assert engine.contacts()["contact_a"].name == "Ada"


async def test_a_cap_of_the_agents_own_is_followed(engine: Engine) -> None:
    await engine.take(policy(0, caps={"emails_per_contact": 2}))
    for number in range(4):
        address = told("email", f"p{number}@example.com", "asserted")
        await engine.take(row(f"contact_{number}", number, address, told("slack", "T:1", "proven")))
    assert sorted(map(len, engine.records().values())) == [1, 1, 2]
