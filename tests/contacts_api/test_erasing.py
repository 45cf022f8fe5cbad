"""An erasure on the read side: hidden at once, gone for good, and told by receipts."""

import pytest

from contact_schema.changes import (
    ContactErased,
)
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    ErasureRequested,
    ErasureScoped,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contact_schema.interactions import InteractionAccepted
from contacts_api.actions.reading import locate
from contacts_api.store import erasures
from service_kit.problems import Problem
from service_kit.tx import Tx
from tests.contacts_api.messages import (
    NOON,
    SPACE,
    at,
    changed,
    event,
)
from tests.contacts_api.taking import listed, take


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


async def test_a_restored_schema_learns_of_an_erasure_that_was_asked_for_after_the_backup(
    tx: Tx,
) -> None:
    await take(tx, changed("a", "a"))
    asked = ErasureRequested(
        space=SPACE, erasure="erasure_1", contact="a", version=1, mode="erase", grace_days=3,
        requested_by="user:u", requested_at=NOON,
    )  # fmt: skip
    await take(tx, asked)
    assert await listed(tx) == []
    row = await erasures.find_erasure(tx, SPACE, "erasure_1")
    assert row is not None
    assert (row["state"], row["contact"], row["requested_by"]) == ("requested", "a", "user:u")
    await take(tx, ErasureAdvanced(
        space=SPACE, erasure="erasure_1", state="fenced", at=NOON
    ), asked)  # fmt: skip
    again = await erasures.find_erasure(tx, SPACE, "erasure_1")
    assert again is not None
    assert again["state"] == "fenced"


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
