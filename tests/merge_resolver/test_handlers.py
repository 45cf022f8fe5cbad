"""From messages to contacts, on a real database."""

from typing import Any

import pytest

from contact_schema.changes import (
    CommandSettled,
    ContactChanged,
    ContactCreated,
    ContactsMerged,
    ContactSplit,
)
from merge_resolver import store
from tests.merge_resolver.engine import (
    KEY,
    Engine,
    all_of,
    edit,
    event,
    link,
    one_of,
    row,
    told,
    undo,
    verified,
)


class Watched:
    """A connection that writes down what it is asked."""

    def __init__(self, connection: Any, statements: list[str]) -> None:
        self._connection, self._statements = connection, statements

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._connection, name)

        async def ask(query: str, *args: Any, **more: Any) -> Any:
            self._statements.append(query)
            return await asked(query, *args, **more)

        return ask


ADA = told("email", "ada@example.com", given="Ada@Example.com")


async def test_a_first_event_makes_a_contact(engine: Engine) -> None:
    sent = await engine.take(event("contact_a", 0, ADA, fields={"name": "Ada"}))
    created = one_of(sent, ContactCreated)
    changed = one_of(sent, ContactChanged)
    assert created.contact == changed.snapshot.contact == "contact_a"
    assert created.kind == "lead"
    assert (changed.snapshot.name, changed.snapshot.email) == ("Ada", "Ada@Example.com")
    assert [one.record for one in changed.joined] == ["contact_a"]


async def test_a_burst_in_one_batch_is_one_change(engine: Engine) -> None:
    burst = [event("contact_a", minute, fields={"name": f"Ada {minute}"}) for minute in range(20)]
    sent = await engine.take(*burst)
    assert one_of(sent, ContactChanged).snapshot.name == "Ada 19"


async def test_a_plain_message_of_a_known_record_changes_nothing(engine: Engine) -> None:
    await engine.take(event("contact_a", 0, ADA, told("session", "s1")))
    assert await engine.take(event("contact_a", 5, told("session", "s1"))) == []
    engine.streams.known.forget()
    assert await engine.take(event("contact_a", 6, ADA, told("session", "s1"))) == []


async def test_plain_messages_of_known_records_ask_the_database_for_the_lock_only(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [(f"contact_{one}", told("session", f"s{one}"), told("browser", "b")) for one in "abc"]
    await engine.take(*(event(record, 0, *told_) for record, *told_ in here))
    statements: list[str] = []
    monkeypatch.setattr(engine.tx, "connection", Watched(engine.tx.connection, statements))
    plain = [event(record, minute, *told_) for minute in range(1, 9) for record, *told_ in here]
    assert await engine.take(*plain) == []
    assert statements == [store.queries.lock_spaces.text]


async def test_a_shared_email_makes_one_contact_and_the_journal_says_why(engine: Engine) -> None:
    await engine.take(event("contact_a", 0, ADA))
    await engine.take(row("contact_b", 1, told("email", "bob@example.com", "asserted")))
    sent = await engine.take(event("contact_b", 2, ADA))
    merged = one_of(sent, ContactsMerged)
    assert (merged.into, merged.absorbed, merged.cause) == ("contact_a", ("contact_b",), "evidence")
    assert merged.evidence is not None
    assert (merged.evidence.rank, merged.evidence.identifier) == (7, "email")
    assert engine.records() == {"contact_a": {"contact_a", "contact_b"}}


async def test_a_visitor_who_signs_in_keeps_what_he_said_before(engine: Engine) -> None:
    browser = told("browser", "b1")
    await engine.take(
        event("contact_anon", 0, browser, unit="unit_c1", fields={"name": "Ada"}),
        event("contact_user", 1, browser, unit="unit_c1"),
    )
    await engine.take(verified("contact_user", 2, "u1", unit="unit_c1"))
    contact = engine.contacts()["contact_user"]
    assert (contact.kind, contact.external_id, contact.name) == ("customer", "u1", "Ada")
    assert contact.verified is not None
    assert engine.records() == {"contact_user": {"contact_anon", "contact_user"}}


async def test_a_version_is_the_sequence_under_which_the_snapshot_travels(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    seen = (await engine.settle(edit("contact_a", 1, fields={"company": "Example"}))).version
    stale = await engine.settle(
        edit("contact_a", 2, fields={"company": "Other"}, expected_version=seen)
    )
    assert (stale.outcome, stale.code) == ("refused", "version-conflict")
    fresh = await engine.settle(
        edit("contact_a", 3, fields={"company": "Other"}, expected_version=stale.version)
    )
    assert fresh.outcome == "updated"
    assert engine.sequences["contact_a"] > (stale.version or 0)


async def test_a_row_is_created_then_updated_then_unchanged(engine: Engine) -> None:
    ada = told("email", "ada@example.com", "asserted")
    outcomes = [
        (await engine.settle(row("contact_a", 0, ada, fields={"name": "Ada"}))).outcome,
        (await engine.settle(row("contact_a", 1, ada, fields={"name": "Ada L"}))).outcome,
        (await engine.settle(row("contact_a", 2, ada, fields={"name": "Ada L"}))).outcome,
        (await engine.settle(row("contact_b", 3, ada))).outcome,
    ]
    assert outcomes == ["created", "updated", "unchanged", "updated"]


async def test_a_repeated_command_ends_the_same_way_and_changes_nothing(engine: Engine) -> None:
    command = row("contact_a", 0, ADA, fields={"name": "Ada"})
    first = await engine.settle(command)
    assert await engine.take(command) == [first]


async def test_two_rows_of_one_person_in_one_batch_create_one_contact(engine: Engine) -> None:
    ada = told("email", "ada@example.com", "asserted")
    sent = await engine.take(row("contact_a", 0, ada), row("contact_b", 1, ada))
    assert [one.outcome for one in all_of(sent, CommandSettled)] == ["created", "updated"]
    assert {one.contact for one in all_of(sent, CommandSettled)} == {"contact_a"}


async def test_an_edit_of_a_contact_that_is_not_there_is_refused(engine: Engine) -> None:
    settled = await engine.settle(edit("contact_none", 0, fields={"name": "Ada"}))
    assert (settled.outcome, settled.code) == ("refused", "not-found")


async def test_what_a_stronger_source_says_is_named_as_outranking(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA, fields={"name": "Ada"}))
    await engine.take(edit("contact_a", 1, fields={"name": "Ada Lovelace"}))
    settled = await engine.settle(row("contact_a", 2, ADA, fields={"name": "A. L."}))
    assert (settled.outcome, settled.outranked) == ("updated", ("name",))
    assert engine.contacts()["contact_a"].name == "Ada Lovelace"


async def test_an_edit_that_says_what_stands_is_unchanged(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    first = edit("contact_a", 1, fields={"name": "Ada", "attr.seats": 3}, add_tags=("vip",))
    again = edit("contact_a", 2, fields={"name": "Ada", "attr.seats": 3}, add_tags=("vip",))
    assert (await engine.settle(first)).outcome == "updated"
    assert (await engine.settle(again)).outcome == "unchanged"


async def test_removing_all_tags_reaches_those_of_merged_in_records(engine: Engine) -> None:
    ada = told("email", "ada@example.com", "asserted")
    await engine.take(
        row("contact_a", 0, ada, tags=("one",)), row("contact_b", 1, ada, tags=("two",))
    )
    assert set(engine.contacts()["contact_a"].tags) == {"one", "two"}
    await engine.take(edit("contact_a", 2, replace_tags=()))
    assert engine.contacts()["contact_a"].tags == ()
    await engine.take(edit("contact_a", 3, add_tags=("two",)))
    assert engine.contacts()["contact_a"].tags == ("two",)


async def test_an_audience_is_pinned_by_a_person_until_released(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA, fields={"audience": "growth"}))
    await engine.take(edit("contact_a", 1, fields={"audience": "enterprise"}))
    await engine.take(row("contact_a", 2, ADA, fields={"audience": "paid_users"}))
    pinned = engine.contacts()["contact_a"].audience
    assert (pinned.value, pinned.source, pinned.pinned) == ("enterprise", "operator", True)
    await engine.take(edit("contact_a", 3, fields={"audience": None}))
    released = engine.contacts()["contact_a"].audience
    assert (released.value, released.source, released.pinned) == ("paid_users", "api", False)


async def test_an_email_set_by_an_edit_shows_and_links(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, told("user", "u1", "asserted")))
    await engine.take(event("contact_b", 1, ADA))
    given = {"key": "ada@example.com", "given": "Ada@example.com"}
    settled = await engine.settle(edit("contact_a", 2, actor=KEY, fields={"email": given}))
    assert settled.outcome == "updated"
    assert engine.contacts()["contact_a"].email == "Ada@example.com"
    assert engine.records() == {"contact_a": {"contact_a", "contact_b"}}


async def test_a_merge_undone_leaves_both_contacts_equal_to_the_byte(engine: Engine) -> None:
    await engine.take(
        row("contact_a", 0, ADA, fields={"name": "Ada", "attr.n": 1.0}, tags=("vip",)),
        row("contact_b", 1, told("user", "u1", "asserted"), fields={"name": "A. Lovelace"}),
    )
    before = {one: text.model_dump_json() for one, text in engine.contacts().items()}
    joined = link("contact_a", "contact_b", 2, survivor="contact_a")
    settled = await engine.settle(joined)
    assert (settled.outcome, settled.contact) == ("updated", "contact_a")
    assert list(engine.contacts()) == ["contact_a"]
    sent = await engine.take(undo(joined.fact, 3))
    ended = one_of(sent, CommandSettled)
    split = one_of(sent, ContactSplit)
    assert ended.contacts == split.parts == ("contact_a", "contact_b")
    assert (split.cause, split.undone) == ("undo", settled.merge)
    assert {one: text.model_dump_json() for one, text in engine.contacts().items()} == before


async def test_an_edit_made_on_the_merged_contact_stays_with_its_founder(engine: Engine) -> None:
    await engine.take(
        row("contact_a", 0, ADA, tags=("old",)),
        row("contact_b", 1, told("user", "u1", "asserted"), tags=("vip",)),
    )
    joined = link("contact_a", "contact_b", 2, survivor="contact_a")
    await engine.take(joined)
    await engine.take(edit("contact_a", 3, replace_tags=("new",), fields={"company": "Example"}))
    await engine.take(undo(joined.fact, 4))
    contacts = engine.contacts()
    assert (contacts["contact_a"].tags, contacts["contact_a"].company) == (("new",), "Example")
    assert (contacts["contact_b"].tags, contacts["contact_b"].company) == (("vip",), None)


async def test_a_pick_of_a_merge_goes_when_the_merge_is_undone(engine: Engine) -> None:
    await engine.take(
        row("contact_a", 0, ADA, fields={"name": "Ada"}),
        row("contact_b", 1, told("user", "u1", "asserted"), fields={"name": "Lovelace"}),
    )
    joined = link(
        "contact_a",
        "contact_b",
        2,
        survivor="contact_a",
        picks=({"field": "name", "contact": "contact_a"},),
    )
    await engine.take(joined)
    assert engine.contacts()["contact_a"].name == "Ada"
    await engine.take(undo(joined.fact, 3))
    assert engine.contacts()["contact_b"].name == "Lovelace"


async def test_an_undo_keeps_apart_what_other_evidence_would_join(engine: Engine) -> None:
    ada = told("email", "ada@example.com", "asserted")
    await engine.take(row("contact_a", 0, ada), row("contact_b", 1, told("slack", "t:1", "proven")))
    joined = link("contact_a", "contact_b", 2)
    await engine.take(joined)
    await engine.take(row("contact_b", 3, ada))
    await engine.take(undo(joined.fact, 4, keep_apart=True))
    assert engine.records() == {"contact_a": {"contact_a"}, "contact_b": {"contact_b"}}


async def test_a_link_of_one_contact_with_itself_is_refused(engine: Engine) -> None:
    await engine.take(row("contact_a", 0, ADA))
    settled = await engine.settle(link("contact_a", "contact_a", 1))
    assert (settled.outcome, settled.code) == ("refused", "same-contact")


async def test_spaces_never_meet(engine: Engine) -> None:
    sent = await engine.take(
        event("contact_a", 0, ADA), event("contact_b", 1, ADA, space="space_other")
    )
    assert {(one.space, one.contact) for one in all_of(sent, ContactCreated)} == {
        ("space_test", "contact_a"),
        ("space_other", "contact_b"),
    }
