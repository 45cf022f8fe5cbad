"""What the read side makes of messages, in whatever order the streams bring them."""

from typing import Any

import pytest

from contact_schema.changes import (
    CommandSettled,
    ContactErased,
    ContactsMerged,
    ContactSplit,
    CrmConnectionChanged,
    CrmStateChanged,
)
from contact_schema.envelope import Message
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    ErasureScoped,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contact_schema.interactions import InteractionAccepted
from contacts_api import handlers
from contacts_api.actions.outcomes import MovedError
from contacts_api.actions.reading import locate, read_contact
from contacts_api.domain.list_query import ListQuery
from contacts_api.store import commands, erasures, interactions, listing, merges
from contacts_api.store.interactions import list_timeline
from contacts_api.store.statements import Stretch
from service_kit.problems import Problem
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.contacts_api.messages import (
    NOON,
    SPACE,
    at,
    changed,
    event,
    held,
    proof,
    record,
    verified,
)


@pytest.fixture
async def tx(tx_of: TxOf) -> Tx:
    return await tx_of("contacts_api")


async def take(tx: Tx, *messages: Message, **headers: Any) -> None:
    """Each stream's part of the messages, as one batch."""
    by_topic: dict[str, list[Any]] = {}
    for message in messages:
        by_topic.setdefault(message.TOPIC, []).append(received(message, **headers))
    for topic, batch in by_topic.items():
        await HANDLERS[topic](batch, tx)


HANDLERS: dict[str, Any] = {
    "contacts.changes.v1": handlers.on_changes,
    "contacts.interactions.v1": handlers.on_interactions,
    "contacts.identity.v1": handlers.on_identity,
    "contacts.crm.v1": handlers.on_crm,
    "contacts.erasure.v1": handlers.on_erasure,
}


async def texts(tx: Tx, contact: str) -> list[str]:
    rows = await list_timeline(tx, SPACE, contact, Stretch(50), (None, None, None))
    return [row["text"] for row in rows if row["text"] is not None]


async def listed(tx: Tx, **filters: Any) -> list[str]:
    given = listing.Filters(**filters)
    rows = await listing.list_contacts(tx, SPACE, ("last_seen_at", True), None, 50, given)
    return [row["contact"] for row in rows]


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


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        pytest.param({"patterns": ["%lovel%"]}, ["ada"], id="a part of a name"),
        pytest.param({"patterns": ["%jose%"]}, ["jose"], id="a name without its accents"),
        pytest.param({"patterns": ["%100\\%%"]}, ["jose"], id="a per cent sign is itself"),
        pytest.param({"patterns": ["%ada%", "%acme%"]}, ["ada"], id="two words"),
        pytest.param({"tags": ["vip"]}, ["ada"], id="tag"),
        pytest.param({"not_tags": ["vip"]}, ["jose", "anonymous"], id="not a tag"),
        pytest.param({"kinds": ["customer"]}, ["ada"], id="kind"),
        pytest.param({"verified": True}, ["ada"], id="verified"),
        pytest.param({"audiences": ["enterprise"]}, ["jose"], id="audience"),
        pytest.param({"emails": ["email:ada@example.com"]}, ["ada"], id="e-mail"),
        pytest.param({"external_ids": ["user:u1"]}, ["ada"], id="external id"),
        pytest.param({"channels": ["slack"]}, ["jose"], id="channel"),
        pytest.param({"not_channels": ["slack"]}, ["anonymous", "ada"], id="not a channel"),
        pytest.param({"conversations": ["c9"]}, ["jose"], id="conversation"),
        pytest.param({"attributes": '[[{"seats": "7"}, {"seats": 7}]]'}, ["ada"], id="attribute"),
        pytest.param({"crm_states": ["error"]}, ["ada"], id="CRM state"),
        pytest.param({"crm_states": ["not_synced"]}, ["jose", "anonymous"], id="not synced"),
        pytest.param({"last_seen_after": at(2)}, ["jose"], id="seen after"),
        pytest.param({"created_before": NOON}, [], id="created before"),
    ],
)
async def test_the_list_finds_by(tx: Tx, filters: dict[str, Any], found: list[str]) -> None:
    await take(
        tx,
        changed(
            "ada", "ada", kind="customer", name="Ada Lovelace", company="Acme", tags=("vip",),
            external_id="u1", identifiers=(held("email", "Ada@example.com", "ada@example.com"),),
            verified=verified("u1"), custom_attributes={"seats": 7},
        ),
        changed(
            "jose", "jose", name="José 100%",
            audience={"value": "enterprise", "source": "operator", "pinned": True},
        ),
        changed("anonymous", "anonymous", kind="anonymous"),
        event("jose", 5, channel="slack", conversation="c9"),
        event("anonymous", 1),
        crm_state("ada", "error"),
    )  # fmt: skip
    assert await listed(tx, **filters) == found


def crm_state(contact: str, state: Any, **fields: Any) -> CrmStateChanged:
    return CrmStateChanged(
        space=SPACE, contact=contact, connection="connection_1", kind="hubspot", state=state,
        at=NOON, **fields,
    )  # fmt: skip


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


async def test_a_fenced_person_is_gone_at_once_and_nothing_new_lands(tx: Tx) -> None:
    await take(tx, changed("a", "a", "b"), event("a", 1))
    await take(tx, scoped("a", "b"))
    with pytest.raises(Problem) as gone:
        await locate(tx, SPACE, "a")
    assert (gone.value.status, gone.value.code) == (410, "erased")
    await take(tx, event("b", 2), changed("a", name="Back again?"))
    assert [s.body.TOPIC for s in tx.suppressed] == [
        InteractionAccepted.TOPIC, "contacts.changes.v1",
    ]  # fmt: skip
    assert await listed(tx) == []


async def test_an_erasure_leaves_nothing_and_its_receipt_says_what_went(tx: Tx) -> None:
    await take(tx, changed("a", "a", "b"), event("a", 1), event("b", 2))
    fence = FenceRecords(
        space=SPACE, erasure="erasure_1", records=("a", "b"), mode="erase", fenced_at=NOON,
        ledger_no=1,
    )  # fmt: skip
    erase = EraseRecords(
        space=SPACE, erasure="erasure_1", records=("a", "b"), ids=("a",), ledger_no=2
    )
    await take(tx, scoped("a", "b"), fence, erase)
    fenced, receipt = tx.emitted
    assert fenced == SliceFenced(
        space=SPACE, erasure="erasure_1", slice="contacts_api", ledger_no=1
    )
    assert isinstance(receipt, SliceErased)
    assert (receipt.counts["timeline"], receipt.counts["records"], receipt.left) == (2, 2, 0)
    await take(tx, erase)
    repeated = tx.emitted[-1]
    assert isinstance(repeated, SliceErased)
    assert repeated.counts == receipt.counts
    await take(tx, ContactErased(space=SPACE, contact="a", ids=("a", "b"), erasure="erasure_1"))
    with pytest.raises(Problem) as gone:
        await locate(tx, SPACE, "b")
    assert gone.value.status == 410


async def test_an_id_of_somebody_living_is_not_fenced_with_the_erased_one(tx: Tx) -> None:
    """They were one contact once and came apart: erasing one must not make the other's id gone."""
    await take(tx, changed("a", "a"), changed("b", "b"))
    await take(tx, scoped("a", ids=("a", "b")))
    assert await locate(tx, SPACE, "b") == "b"


async def test_an_erasure_that_fixed_nothing_shows_the_contact_again(tx: Tx) -> None:
    await take(tx, changed("a", "a"))
    await erasures.insert_erasure(
        tx, (SPACE, "erasure_1"), "a", ("erase", 0, None), ("key:k", NOON)
    )
    await erasures.hide_contact(tx, SPACE, "a", "erasure_1")
    assert await listed(tx) == []
    await take(
        tx,
        ErasureScoped(
            space=SPACE, erasure="erasure_1", contact="a", records=(), ids=(), blocked="set-changed"
        ),
    )
    assert await listed(tx) == ["a"]
    row = await erasures.find_erasure(tx, SPACE, "erasure_1")
    assert row is not None
    assert (row["state"], row["blocked"]) == ("blocked", "set-changed")


async def test_the_receipts_of_all_slices_are_kept_with_the_state(tx: Tx) -> None:
    await erasures.insert_erasure(
        tx, (SPACE, "erasure_1"), "a", ("erase", 0, None), ("key:k", NOON)
    )
    await take(
        tx,
        SliceFenced(space=SPACE, erasure="erasure_1", slice="ingest", ledger_no=1),
        SliceErased(
            space=SPACE, erasure="erasure_1", slice="ingest", ledger_no=1, counts={"claims": 2},
            at=NOON,
        ),
        ErasureAdvanced(space=SPACE, erasure="erasure_1", state="erased", at=at(1)),
    )  # fmt: skip
    row = await erasures.find_erasure(tx, SPACE, "erasure_1")
    receipts = await erasures.list_receipts(tx, SPACE, ["erasure_1"])
    assert row is not None
    assert row["state"] == "erased"
    assert [(r["slice"], r["counts"], r["remaining"]) for r in receipts] == [
        ("ingest", '{"claims": 2}', 0)
    ]


def scoped(*records: str, ids: tuple[str, ...] = ()) -> ErasureScoped:
    return ErasureScoped(
        space=SPACE, erasure="erasure_1", contact=records[0], records=records, ids=ids or records
    )


async def test_pages_walk_the_whole_list_both_ways_whatever_the_order(tx: Tx) -> None:
    names = [f"c{n}" for n in range(7)]
    await take(tx, *(changed(n, n, name=f"Name {ord(n[1]) % 3}") for n in names))
    await take(tx, *(event(n, i % 3) for i, n in enumerate(names)))
    for column in ("last_seen_at", "name", "external_id", "created_at"):
        for descending in (True, False):
            whole = await page(tx, (column, descending), None, 50)
            walked: list[str] = []
            after = None
            while rows := await listing.list_contacts(
                tx, SPACE, (column, descending), after, 2, listing.Filters()
            ):
                walked += [row["contact"] for row in rows]
                after = (rows[-1]["position"], rows[-1]["contact"])
            assert walked == whole
            assert sorted(whole) == names
            assert await page(tx, (column, not descending), None, 50) == whole[::-1]


async def page(tx: Tx, order: tuple[str, bool], after: Any, rows: int) -> list[str]:
    found = await listing.list_contacts(tx, SPACE, order, after, rows, listing.Filters())
    return [row["contact"] for row in found]


async def test_another_space_sees_none_of_it(tx: Tx) -> None:
    await take(tx, changed("a", "a"))
    rows = await listing.list_contacts(
        tx, "space_2", ("last_seen_at", True), None, 50, listing.Filters()
    )
    assert rows == []
    with pytest.raises(Problem) as absent:
        await locate(tx, "space_2", "a")
    assert absent.value.status == 404


def test_the_default_query_is_the_newest_first() -> None:
    assert (ListQuery().sort, ListQuery().descending) == ("last_seen_at", True)
