"""Decisions that need no server: what a query asks, what a body says, what a page is."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_schema.settings import Policies
from contacts_api.domain.contact_input import Rules, read_edit, read_new_contact
from contacts_api.domain.contact_rows import Change, fold_changes
from contacts_api.domain.contact_view import contact_json, context_json
from contacts_api.domain.cursors import (
    NotACursorError,
    Position,
    cut_page,
    open_cursor,
    seal_cursor,
)
from contacts_api.domain.interactions import Event, fold_events
from contacts_api.domain.invalid import InvalidError
from contacts_api.domain.list_query import parse_list_query
from contacts_api.domain.principal import Agent, User, principal_at
from contacts_api.domain.sort_keys import BLANK, search_patterns, search_text, sort_key
from tests.contacts_api.messages import NOON, at, changed, event, held, snapshot

RULES = Rules(region="DE", blocked=("vip*",), audiences=("public", "growth"))


def test_a_query_says_what_it_filters_by_and_how_it_sorts() -> None:
    query = parse_list_query(
        [
            ("q", "  Ada   L "), ("tag", "vip"), ("tag", "late"), ("kind", "lead"),
            ("email", "Ada+x@Example.com"), ("phone", "0151 12345678"), ("verified", "true"),
            ("attr.plan", "pro"), ("created_after", "2026-11-03"), ("sort", "name"),
            ("limit", "200"), ("fields", "id, name"),
        ],
        region="DE",
    )  # fmt: skip
    assert (query.q, query.tag, query.kind) == ("Ada L", ("vip", "late"), ("lead",))
    assert (query.email, query.phone) == (("ada@example.com",), ("+4915112345678",))
    assert query.attributes == (("plan", ("pro",)),)
    assert query.created_after == datetime(2026, 11, 3, tzinfo=UTC)
    assert (query.sort, query.descending, query.limit) == ("name", False, 200)
    assert query.fields == ("id", "name")


def test_every_parameter_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidError) as refused:
        parse_list_query([("colour", "red"), ("limit", "0"), ("q", "ab"), ("sort", "-id")])
    assert [wrong.field for wrong in refused.value.wrongs] == ["colour", "limit", "sort"]


def test_a_page_s_own_parameters_are_left_out() -> None:
    query = parse_list_query([("tab", "notes"), ("q", "ada")], own=("tab",))
    assert query.given == (("q", "ada"),)


@given(st.text(), st.text())
def test_no_query_breaks_the_parser(name: str, value: str) -> None:
    assert wrong_fields(lambda: parse_list_query([(name, value)])) in ([], [name])


def wrong_fields(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except InvalidError as error:
        return [wrong.field for wrong in error.wrongs]
    return []


@given(st.lists(st.text(), min_size=1, max_size=3), st.booleans())
def test_a_cursor_opens_for_its_own_list_only(values: list[str], backwards: bool) -> None:
    kept = [value.encode("utf-8", "replace").decode() for value in values]
    position = Position(tuple(kept), backwards)
    cursor = seal_cursor(b"key", "list", position)
    assert open_cursor(b"key", "list", cursor) == position
    for key, purpose, given_ in ((b"other", "list", cursor), (b"key", "notes", cursor)):
        with pytest.raises(NotACursorError):
            open_cursor(key, purpose, given_)


@given(st.text())
def test_nobody_makes_a_cursor(text: str) -> None:
    with pytest.raises(NotACursorError):
        open_cursor(b"key", "list", text)


@pytest.mark.parametrize(
    ("read", "position", "first", "last", "has_next", "has_previous"),
    [
        pytest.param(3, None, 0, 2, True, False, id="the first of many"),
        pytest.param(2, None, 0, 2, False, False, id="all there is"),
        pytest.param(1, Position(("x",)), 0, 1, False, True, id="the last"),
        pytest.param(3, Position(("x",), True), 1, 3, True, True, id="back, and more before"),
        pytest.param(2, Position(("x",), True), 0, 2, True, False, id="back at the first"),
    ],
)
def test_a_page_knows_its_neighbours(
    read: int, position: Position | None, first: int, last: int, has_next: bool, has_previous: bool
) -> None:
    page = cut_page(read, 2, position)
    assert (page.first, page.last) == (first, last)
    assert (page.has_next, page.has_previous) == (has_next, has_previous)


def test_a_new_contact_is_read_with_keys_and_as_given() -> None:
    row = read_new_contact(
        {
            "external_id": "u1", "email": "Ada <ADA@example.com>", "phone": "0151 12345678",
            "name": " Ada ", "company": "", "custom_attributes": {"seats": 7, "plan": None},
            "tags": ["vip", " vip "], "audience": "growth",
        },
        RULES,
    )  # fmt: skip
    assert [(i.type, i.key, i.given) for i in row.identifiers] == [
        ("user", "u1", "u1"),
        ("email", "ada@example.com", "Ada <ADA@example.com>"),
        ("phone", "+4915112345678", "0151 12345678"),
    ]
    assert row.fields == {
        "name": "Ada", "company": None, "attr.seats": 7, "attr.plan": None, "audience": "growth",
    }  # fmt: skip
    assert row.tags == ("vip",)


def test_a_value_that_the_agent_blocked_is_kept_and_links_nothing() -> None:
    row = read_new_contact({"external_id": "u1", "email": "vip7@example.com"}, RULES)
    assert [(i.type, i.key) for i in row.identifiers] == [("user", "u1"), ("email", None)]
    with pytest.raises(InvalidError):
        read_new_contact({"external_id": "vip-1"}, RULES)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({"external_id": "u2"}, ["/external_id"], id="the id is fixed"),
        pytest.param({"tags": ["a"], "add_tags": ["b"]}, ["/tags"], id="replace and add"),
        pytest.param({"tags": [""]}, ["/tags"], id="an empty tag"),
        pytest.param({"email": "x", "phone": "y"}, ["/email", "/phone"], id="both named"),
        pytest.param({"audience": "paid"}, ["/audience"], id="an audience there is not"),
        pytest.param([], [""], id="no object"),
    ],
)
def test_an_edit_names_what_is_wrong(body: Any, fields: list[str]) -> None:
    with pytest.raises(InvalidError) as refused:
        read_edit(body, RULES)
    assert [wrong.field for wrong in refused.value.wrongs] == fields


def test_an_edit_holds_sent_fields_only_and_null_clears() -> None:
    edit = read_edit({"name": None, "audience": None, "email": None, "tags": []}, RULES)
    assert edit.fields == {"name": None, "audience": None, "email": None}
    assert (edit.replace_tags, edit.add_tags) == ((), ())


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_no_value_breaks_the_reading_of_a_body(value: Any) -> None:
    for name in ("name", "email", "phone", "tags", "custom_attributes", "stripe_accounts"):
        body = {"external_id": "u", name: value}
        wrongs = wrong_fields(lambda body=body: read_new_contact(body, RULES))  # type: ignore[misc]
        assert all(wrong.startswith(f"/{name}") for wrong in wrongs)


def test_text_sorts_without_accents_and_what_is_blank_comes_last() -> None:
    names = ["Zoë", None, "Émile", "  ", "ada", "Ægir"]
    assert sorted(names, key=sort_key)[:1] == ["ada"]
    assert [sort_key(name) for name in (None, "  ")] == [BLANK, BLANK]
    assert sort_key("ÉMILE") == "emile"


def test_search_finds_parts_of_words_and_takes_wildcards_as_they_are() -> None:
    text = search_text("José Ängström", ["a_b@example.com"], {"seats": 7, "vip": True})
    assert text == "jose angstrom\na_b@example.com\n7"
    assert search_patterns("JOSÉ 10%_") == ["%jose%", "%10\\%\\_%"]


def test_a_record_that_moves_within_a_batch_ends_where_the_last_message_says() -> None:
    folded = fold_changes(
        Change(message, sequence, NOON)
        for sequence, message in enumerate(
            [changed("a", "a", "b"), changed("b", "b"), changed("a", left=("b",))]
        )
    )
    assert folded.records["space_1", "b"]["contact"] == "b"
    assert folded.left == {}


def test_a_record_that_leaves_and_comes_nowhere_is_released() -> None:
    folded = fold_changes(
        Change(message, sequence, NOON)
        for sequence, message in enumerate([changed("a", "a", "b"), changed("a", left=("b",))])
    )
    assert folded.left == {("space_1", "b"): ("a", 1)}
    assert set(folded.records) == {("space_1", "a")}


def test_events_of_one_batch_are_counted_once_a_record_channel_and_conversation() -> None:
    folded = fold_events(
        Event(event("r", minutes, conversation=conversation), f"entry_{minutes}", minutes)
        for minutes, conversation in ((3, "c1"), (1, "c1"), (2, None))
    )
    [with_one, without] = folded.activity.values()
    assert (with_one["first_at"], with_one["last_at"]) == (at(1), at(3))
    assert without["conversation"] == ""
    assert folded.seen == {("space_1", "r"): at(3)}
    assert [row["sequence"] for row in folded.conversations.values()] == [1]


def test_the_agent_is_told_nothing_that_a_visitor_merely_said() -> None:
    told = snapshot(
        "a", name="Ada", said={"phone": "+49…"}, identifiers=(held("email", "a@example.com"),)
    )
    row = {
        "snapshot": told.model_dump_json(), "version": 7, "updated_at": NOON, "last_seen_at": NOON,
    }  # fmt: skip
    contact = contact_json(row, (), (), ["old"])
    assert (contact["said"], contact["merged_ids"]) == ({"phone": "+49…"}, ["old"])
    assert not {"said", "emails", "merged_ids", "crm", "version"} & set(context_json(contact))


def test_a_role_says_what_a_person_may() -> None:
    agent = Agent("agent_1", "Shop", "space_1", "DE", 0, Policies())
    may = {
        role: principal_at(User("user_1", "ana", role, "workspace_1"), agent).scopes
        for role in ("viewer", "agent", "admin")
    }
    assert may["viewer"] == {"contacts:read"}
    assert "contacts:write" in may["agent"]
    assert "contacts:erase" not in may["agent"]
    assert "contacts:erase" in may["admin"]
