"""What the read side makes of messages, in whatever order the streams bring them."""

import pytest

from contact_schema.changes import (
    CommandSettled,
    ContactsMerged,
    ContactSplit,
    CrmConnectionChanged,
)
from contacts_api import handlers
from contacts_api.actions.outcomes import MovedError
from contacts_api.actions.reading import locate, read_contact
from contacts_api.store import commands, interactions, merges
from contacts_api.store.statements import Stretch
from service_kit.testing import received
from service_kit.tx import Tx
from tests.contacts_api.messages import (
    NOON,
    SPACE,
    at,
    changed,
    event,
    proof,
    record,
    verified,
)
from tests.contacts_api.taking import crm_state, listed, take, texts


async def test_events_that_come_before_their_contact_are_counted_all_the_same(tx: Tx) -> None:
    await take(tx, event("r1", 1), event("r1", 5, channel="whatsapp", conversation="c2"))
    await take(tx, changed("r1", "r1"))
    contact = await read_contact(tx, SPACE, "r1")
    assert contact["last_seen_at"] == "2026-11-03T12:05:00Z"
    assert [c["channel"] for c in contact["channels"]] == ["widget", "whatsapp"]
    assert contact["conversations"] == {"count": 2, "last_at": "2026-11-03T12:05:00Z"}


async def test_a_contact_is_seen_by_what_the_person_does_and_not_by_our_answers(tx: Tx) -> None:
    await take(tx, changed("r1", "r1"))
    await take(tx, event("r1", 1))
    await take(tx, event("r1", 9, detail={"text": "Yes?", "direction": "outbound"}))
    contact = await read_contact(tx, SPACE, "r1")
    assert contact["last_seen_at"] == "2026-11-03T12:01:00Z"
    assert contact["conversations"]["last_at"] == "2026-11-03T12:09:00Z"


async def test_a_late_event_moves_no_time_back(tx: Tx) -> None:
    await take(tx, changed("r1", "r1"), event("r1", 30))
    await take(tx, event("r1", 2))
    contact = await read_contact(tx, SPACE, "r1")
    assert contact["last_seen_at"] == "2026-11-03T12:30:00Z"
    assert contact["channels"][0]["first_at"] == "2026-11-03T12:02:00Z"


async def test_who_was_never_seen_says_so(tx: Tx) -> None:
    await take(tx, changed("r1", "r1", name="Ada"))
    assert (await read_contact(tx, SPACE, "r1"))["last_seen_at"] is None


async def test_an_older_version_changes_nothing(tx: Tx) -> None:
    await take(tx, changed("r1", "r1", name="New"), sequence=9)
    await take(tx, changed("r1", "r1", name="Old"), sequence=4)
    contact = await read_contact(tx, SPACE, "r1")
    assert (contact["name"], contact["version"]) == ("New", 9)


async def test_a_merged_id_leads_to_the_survivor_with_all_that_happened(tx: Tx) -> None:
    await take(tx, changed("a", "a"), changed("b", "b"))
    await take(tx, event("a", 1, detail={"text": "by a"}), event("b", 2, detail={"text": "by b"}))
    await take(tx, changed("a", "b"), merged("a", "b"))
    with pytest.raises(MovedError) as moved:
        await locate(tx, SPACE, "b")
    assert moved.value.contact == "a"
    contact = await read_contact(tx, SPACE, "a")
    assert contact["merged_ids"] == ["b"]
    assert await texts(tx, "a") == ["by b", "by a"]
    assert await listed(tx) == ["a"]


async def test_an_undone_merge_gives_each_side_its_own_again(tx: Tx) -> None:
    await take(tx, changed("a", "a", name="A"), changed("b", "b", name="B"))
    await take(tx, event("b", 2, detail={"text": "by b"}))
    before = [await read_contact(tx, SPACE, contact) for contact in ("a", "b")]
    await take(tx, changed("a", "b", name="A"), merged("a", "b"))
    await take(
        tx,
        changed("a", left=("b",), name="A"),
        changed("b", "b", name="B"),
        ContactSplit(
            space=SPACE, contact="a", parts=("a", "b"), cause="undo", undone="merge_1", at=at(60)
        ),
    )
    after = [await read_contact(tx, SPACE, contact) for contact in ("a", "b")]
    moving = {"version", "updated_at"}
    assert [{k: v for k, v in c.items() if k not in moving} for c in after] == [
        {k: v for k, v in c.items() if k not in moving} for c in before
    ]
    assert (await texts(tx, "a"), await texts(tx, "b")) == ([], ["by b"])
    journal = await merges.list_merges(tx, SPACE, "b", Stretch(10))
    assert [(row["merge"], row["undone_at"]) for row in journal] == [("merge_1", at(60))]


async def test_one_batch_may_hold_a_merge_and_its_undo(tx: Tx) -> None:
    await take(
        tx,
        changed("a", "a"),
        changed("b", "b"),
        changed("a", "b"),
        merged("a", "b"),
        changed("a", left=("b",)),
        changed("b", "b"),
    )
    assert sorted(await listed(tx)) == ["a", "b"]
    assert await locate(tx, SPACE, "b") == "b"


async def test_the_split_may_name_the_side_that_goes_before_the_side_that_stays(tx: Tx) -> None:
    await take(tx, changed("a", "a", "b"))
    await take(tx, changed("b", "b"), changed("a", left=("b",)))
    assert await locate(tx, SPACE, "b") == "b"


def merged(into: str, *absorbed: str) -> ContactsMerged:
    return ContactsMerged(
        space=SPACE, merge="merge_1", into=into, absorbed=absorbed, cause="operator",
        link="fact_1", at=at(30),
    )  # fmt: skip


async def test_a_conversation_speaks_for_its_current_record_only(tx: Tx) -> None:
    await take(
        tx, changed("anonymous", "anonymous", record("signed", "u1"), verified=verified("u1"))
    )
    await take(tx, proof("signed", "claim_1"))
    await take(tx, event("anonymous", 1))
    assert not await proven(tx)
    await take(tx, event("signed", 2, claim="claim_1"))
    assert await proven(tx)
    await take(tx, event("anonymous", 3))
    assert not await proven(tx)


async def test_a_conversation_is_proven_by_the_claim_in_force_and_by_no_earlier_one(tx: Tx) -> None:
    """Whoever says that he is a user who was proven there before is placed on the same record."""
    await take(tx, changed("signed", record("signed", "u1"), verified=verified("u1")))
    await take(tx, proof("signed", "claim_1"), proof("signed", "claim_3", "asserted"))
    for minute, (claim, expected) in enumerate(
        (
            ("claim_1", True),
            ("claim_2", False),
            ("claim_1", True),
            (None, False),
            ("claim_3", False),
        )
    ):
        await take(tx, event("signed", minute, claim=claim))
        assert await proven(tx) is expected, claim
    await take(tx, event("signed", 9, claim="claim_1"))
    await interactions.forget_proven_claims(tx, SPACE, "signed")
    assert not await proven(tx)


async def proven(tx: Tx) -> bool:
    found = await interactions.find_conversation(tx, SPACE, "agent_1", "c1")
    return found is not None and bool(found["proven"])


async def test_a_claim_shows_in_the_timeline_once_it_is_proven(tx: Tx) -> None:
    await take(tx, changed("r", "r"))
    await take(tx, event("r", 1, type="identify", detail={"text": "claim"}))
    assert await texts(tx, "r") == []
    await take(tx, changed("r", record("r", "u1")))
    assert await texts(tx, "r") == ["claim"]


async def test_a_connection_shows_on_every_contact_once_it_is_there(tx: Tx) -> None:
    await take(tx, changed("a", "a"))
    assert (await read_contact(tx, SPACE, "a"))["crm"] == []
    connection = CrmConnectionChanged(
        space=SPACE, connection="connection_1", kind="hubspot", label="Main", state="ok", at=NOON
    )
    await take(tx, connection)
    assert (await read_contact(tx, SPACE, "a"))["crm"][0]["state"] == "not_synced"
    await take(tx, crm_state("a", "synced", remote_id="7", synced_at=NOON))
    shown = (await read_contact(tx, SPACE, "a"))["crm"]
    assert [(s["state"], s["remote_id"]) for s in shown] == [("synced", "7")]


async def test_a_settled_command_is_marked_once_and_told_after_the_commit(tx: Tx) -> None:
    await commands.insert_commands(tx, SPACE, ["command_1"], "create", "key:k")
    told: list[str] = []
    batch = [
        received(
            CommandSettled(space=SPACE, command=name, outcome="created", contact="a", version=3)
        )
        for name in ("command_1", "command_of_somebody_else")
    ]
    await handlers.on_changes(batch, tx, settled=told.extend)
    assert told == []
    tx.committed()
    assert told == ["command_1"]
    assert await commands.find_settled(tx, ["command_1"]) == ["command_1"]
