"""Hidden at once, gone for good, and nobody else changed."""

from contact_schema.changes import CommandSettled, ContactChanged, ContactErased
from contact_schema.commands import BlockIdentifier, SideIdentifier
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    ErasureRequested,
    ErasureScoped,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from tests.merge_resolver.engine import (
    SPACE,
    Engine,
    all_of,
    at,
    edit,
    event,
    link,
    one_of,
    row,
    told,
    verified,
)
from tests.merge_resolver.engine import ordered as decided

ADA = told("email", "ada@example.com", "asserted")
SLACK = told("slack", "T1:U1", "proven")
TABLES = ("facts", "records", "identifiers", "contacts", "merges", "settled", "decisions")


def requested(contact: str, version: int) -> ErasureRequested:
    return ErasureRequested(
        space=SPACE,
        erasure="erasure_1",
        contact=contact,
        version=version,
        mode="erase",
        grace_days=0,
        requested_by="user_ops",
        requested_at=at(50),
    )


def ordered(*records: str) -> EraseRecords:
    return EraseRecords(space=SPACE, erasure="erasure_1", records=records, ids=records, ledger_no=1)


async def scope(engine: Engine, contact: str) -> ErasureScoped:
    request = requested(contact, engine.sequences[contact])
    return one_of(await engine.take(request), ErasureScoped)


async def everything(engine: Engine) -> str:
    rows = [
        await engine.tx.connection.fetch(f"SELECT t::text FROM merge_resolver.{table} AS t")
        for table in TABLES
    ]
    return repr(rows)


async def test_the_whole_set_is_fixed_and_hidden(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA), row("contact_b", 1, ADA, SLACK))
    await engine.take(row("contact_c", 2, told("email", "bob@example.com", "asserted")))
    scoped = await scope(engine, "contact_a")
    assert (scoped.records, scoped.blocked) == (("contact_a", "contact_b"), None)
    settled = await engine.settle(edit("contact_a", 3, fields={"name": "Ada"}))
    assert (settled.outcome, settled.code) == ("refused", "erased")


async def test_a_set_that_changed_since_it_was_seen_is_asked_about_again(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    seen = engine.sequences["contact_a"]
    await engine.take(row("contact_b", 1, ADA))
    scoped = one_of(await engine.take(requested("contact_a", seen)), ErasureScoped)
    assert (scoped.blocked, scoped.records) == ("set-changed", ())


async def test_a_value_that_changed_since_is_no_reason_to_ask_again(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    seen = engine.sequences["contact_a"]
    await engine.take(edit("contact_a", 1, fields={"name": "Ada"}))
    scoped = one_of(await engine.take(requested("contact_a", seen)), ErasureScoped)
    assert scoped.blocked is None


async def test_a_message_of_a_hidden_record_is_suppressed(engine: Engine) -> None:
    await engine.take(event("contact_a", 0, ADA))
    await scope(engine, "contact_a")
    assert await engine.take(event("contact_a", 60, SLACK)) == []
    assert len(engine.tx.suppressed) == 1


async def test_nothing_is_left_of_an_erased_person(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA, fields={"name": "Ada Lovelace"}))
    await engine.take(row("contact_b", 1, told("user", "u-ada", "asserted")))
    await engine.take(link("contact_a", "contact_b", 2, survivor="contact_a"))
    scoped = await scope(engine, "contact_a")
    await engine.take(
        FenceRecords(
            space=SPACE,
            erasure="erasure_1",
            records=scoped.records,
            mode="erase",
            fenced_at=at(51),
            ledger_no=1,
        )
    )
    sent = await engine.take(ordered(*scoped.records))
    receipt = one_of(sent, SliceErased)
    assert (receipt.left, receipt.counts["records"], receipt.counts["facts"]) == (0, 2, 3)
    assert set(one_of(sent, ContactErased).ids) == {"contact_a", "contact_b"}
    left = await everything(engine)
    for needle in ("ada@example.com", "Lovelace", "u-ada", "contact_a", "contact_b"):
        assert needle not in left


async def test_a_repeated_order_repeats_the_first_receipt(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    await scope(engine, "contact_a")
    first = one_of(await engine.take(ordered("contact_a")), SliceErased)
    again = one_of(await engine.take(ordered("contact_a")), SliceErased)
    assert (again.counts, again.left) == (first.counts, 0)


async def test_who_only_the_erased_held_together_comes_apart_and_nobody_else_changes(
    engine: Engine,
) -> None:
    await engine.take(
        event("contact_a", 0, told("email", "ada@example.com")),
        event("contact_c", 2, SLACK),
        event("contact_z", 3, told("email", "zoe@example.com")),
    )
    await engine.take(event("contact_bridge", 1, told("email", "ada@example.com"), SLACK))
    assert len(engine.records()) == 2
    sent = await engine.take(ordered("contact_bridge"))
    assert {one.snapshot.contact for one in all_of(sent, ContactChanged)} == {
        "contact_a",
        "contact_c",
    }


async def test_of_two_users_of_one_conversation_only_one_is_erased(engine: Engine) -> None:
    await engine.take(
        verified("contact_u1", 0, "u1", unit="unit_c"),
        verified("contact_u2", 1, "u2", unit="unit_c"),
    )
    before = engine.contacts()["contact_u2"]
    await scope(engine, "contact_u1")
    await engine.take(ordered("contact_u1"))
    assert engine.contacts()["contact_u2"] == before


async def test_the_same_address_can_be_created_at_once(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    await scope(engine, "contact_a")
    settled = await engine.settle(row("contact_new", 60, ADA))
    assert (settled.outcome, settled.contact) == ("created", "contact_new")


async def test_a_restore_brings_back_exactly_what_was_there(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA, fields={"name": "Ada"}), row("contact_b", 1, ADA))
    before = engine.contacts()["contact_a"]
    await scope(engine, "contact_a")
    sent = await engine.take(
        ErasureAdvanced(space=SPACE, erasure="erasure_1", state="restored", at=at(60))
    )
    changed = one_of(sent, ContactChanged)
    assert changed.snapshot.model_dump_json() == before.model_dump_json()
    assert {one.record for one in changed.joined} == {"contact_a", "contact_b"}


async def test_the_fence_is_answered_and_a_command_that_waits_is_settled(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    order = FenceRecords(
        space=SPACE,
        erasure="erasure_1",
        records=("contact_a",),
        mode="erase",
        fenced_at=at(51),
        ledger_no=7,
    )
    answer = one_of(await engine.take(order), SliceFenced)
    assert (answer.slice, answer.ledger_no) == ("merge_resolver", 7)
    settled = one_of(await engine.take(row("contact_a", 61, ADA)), CommandSettled)
    assert (settled.outcome, settled.code) == ("refused", "erased")


async def test_what_was_decided_about_an_address_goes_with_the_last_who_had_it(
    engine: Engine,
) -> None:
    address = SideIdentifier(type="email", key="ada@example.com")
    await engine.take(row("contact_a", 0, ADA))
    await engine.take(decided(BlockIdentifier, 1, fact="fact_block", identifier=address))
    await engine.take(ordered("contact_a"))
    assert "ada@example.com" not in await everything(engine)
