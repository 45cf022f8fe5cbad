"""What pages say and where their links go, without a server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts_api.dashboard import contact_view, erasure_view, list_view, security, words
from contacts_api.domain.list_query import parse_list_query
from contacts_api.domain.principal import Principal

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
BASE = "/a/agent_1"
READER = Principal("user", "u1", "ana", "w", "agent_1", "space", frozenset())


def test_the_plain_address_asks_for_known_contacts_only() -> None:
    assert parse_list_query(list_view.asked(())).kind == ("lead", "customer")
    everyone = next(view for view in list_view.VIEWS if view.key == "all")
    assert parse_list_query(list_view.asked(everyone.filters)).kind == (
        "anonymous", "lead", "customer",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "tab"),
    [
        ((), "known"),
        ((("tag", "vip"),), "known"),
        ((("kind", "lead"),), "leads"),
        ((("kind", "lead"), ("tag", "vip")), "leads"),
        ((("kind", "lead"), ("kind", "customer")), "known"),
        ((("verified", "true"),), "verified"),
        ((("verified", "false"),), "known"),
        ((("crm_state", "error"),), "crm"),
    ],
)
def test_an_address_lies_under_the_tab_whose_filters_it_holds(
    filters: list_view.Pairs, tab: str
) -> None:
    assert list_view.view_of(filters).key == tab


def test_every_tab_is_an_address_that_the_api_understands() -> None:
    for view in list_view.VIEWS:
        parse_list_query(list_view.asked(view.filters))


def test_a_chip_names_its_filter_in_words_and_its_link_takes_only_that_away() -> None:
    pairs = (("tag", "vip"), ("tag", "beta"), ("not_tag", "at_risk"), ("cursor", "x"))
    chips = list_view.chips(BASE, pairs, list_view.VIEWS[0])
    said = [f"{chip['field']} {chip['verb']} {chip['value']}" for chip in chips]
    assert said == ["tag is vip or beta", "tag is not at_risk"]
    assert chips[0]["without"] == f"{BASE}/contacts?not_tag=at_risk"


def test_a_form_becomes_an_address_without_empty_fields_and_without_the_old_page() -> None:
    sent = (
        ("form", "filter"), ("tag", "vip"), ("tag", " beta "), ("audience", ""), ("cursor", "x"),
        ("verified", "false"), ("verified", "true"), ("attr_key", "plan"), ("attr_value", "pro"),
    )  # fmt: skip
    assert list_view.canonical(sent) == (
        ("tag", "vip"), ("tag", "beta"), ("verified", "true"), ("attr.plan", "pro"),
    )  # fmt: skip


def test_one_letter_in_the_search_box_is_not_yet_a_search() -> None:
    assert ("q", "a") not in list_view.asked((("q", "a"),))
    assert ("q", "ad") in list_view.asked((("q", "ad"),))


def test_the_sorted_column_says_so_and_its_link_turns_it_round() -> None:
    columns = {
        c["key"]: c for c in list_view.columns(BASE, (("tag", "vip"),), "-last_seen_at", True)
    }
    assert columns["last_seen_at"]["aria"] == "descending"
    assert columns["last_seen_at"]["href"].endswith("tag=vip&sort=last_seen_at")
    assert columns["name"]["aria"] is None
    assert columns["tags"]["href"] is None


@pytest.mark.parametrize(
    ("ago", "said"),
    [(5, "just now"), (300, "5 min ago"), (7_300, "2 h ago"), (200_000, "2 d ago")],
)
def test_a_recent_time_is_said_as_how_long_ago(ago: int, said: str) -> None:
    assert words.ago((NOW - timedelta(seconds=ago)).isoformat(), NOW) == said


def test_days_left_count_the_last_hours_as_a_day_and_then_none() -> None:
    assert words.days_left(NOW + timedelta(hours=1), NOW) == 1
    assert words.days_left(NOW + timedelta(days=29, hours=1), NOW) == 30
    assert words.days_left(NOW - timedelta(seconds=1), NOW) == 0
    assert words.days_left(None, NOW) == 0


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", "data:text/html,x", "https:", "http://a b", "//example.com", 7, None],
)
def test_only_a_web_address_becomes_a_link(value: Any) -> None:
    assert words.web_address(value) is None
    assert words.web_address("https://example.com/x") == "https://example.com/x"


def test_nobody_without_a_name_is_still_called_something() -> None:
    contact = {"id": "contact_abcdefghijklmnopqrstuv7f3a", "name": None, "email": None}
    assert words.display_name(contact) == "Visitor 7f3a"
    assert words.monogram(contact) == ""


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"origin": "http://here.example", "host": "here.example"}, True),
        ({"sec-fetch-site": "same-origin", "host": "here.example"}, True),
        ({"origin": "http://evil.example", "host": "here.example"}, False),
        ({"origin": "null", "host": "here.example"}, False),
        ({"sec-fetch-site": "same-site", "host": "here.example"}, False),
        (
            {
                "sec-fetch-site": "cross-site",
                "origin": "http://here.example",
                "host": "here.example",
            },
            False,
        ),
        ({"host": "here.example"}, False),
    ],
)
def test_a_form_counts_only_when_the_browser_says_it_came_from_here(
    headers: dict[str, str], ours: bool
) -> None:
    assert security.is_from_here(headers) is ours


def test_behind_a_proxy_the_public_address_counts_as_here() -> None:
    headers = {"origin": "https://contacts.example", "host": "10.0.0.7:8080"}
    assert not security.is_from_here(headers)
    assert security.is_from_here(headers, "https://contacts.example/")


def test_a_token_holds_for_its_own_cookie_only_and_never_looks_the_same_twice() -> None:
    csrf = security.Csrf(b"secret")
    first, second = csrf.token("mine"), csrf.token("mine")
    assert first != second
    assert csrf.accepts("mine", first)
    assert csrf.accepts("mine", second)
    assert not csrf.accepts("yours", first)
    for bad in ("", "x", "é", first[:-4], security.Csrf(b"other").token("mine")):
        assert not csrf.accepts("mine", bad)


def test_what_must_be_typed_is_the_email_else_the_external_id_else_the_contact_id() -> None:
    contact = {"id": "contact_x", "email": "ada@example.com", "external_id": "u1"}
    assert erasure_view.to_type(contact) == "ada@example.com"
    assert erasure_view.to_type({**contact, "email": None}) == "u1"
    assert erasure_view.to_type({"id": "contact_x"}) == "contact_x"


def test_a_timeline_stands_under_its_days_and_a_day_that_goes_on_is_not_headed_again() -> None:
    entries = [
        {"id": str(n), "type": "message", "at": (NOW - timedelta(hours=h)).isoformat(),
         "direction": "inbound", "text": "Hi"}
        for n, h in enumerate((1, 2, 30))
    ]  # fmt: skip
    headed = contact_view.days(entries, NOW)
    assert [(day, len(shown)) for day, shown in headed] == [("Today", 2), ("Yesterday", 1)]
    assert contact_view.days(entries, NOW, "Today")[0][0] == ""


def test_the_banner_offers_the_newest_merge_that_can_still_be_undone() -> None:
    entry = {
        "id": "merge_1", "cause": "evidence", "into": "contact_a", "from": ["contact_b"],
        "evidence": {"rank": 5, "identifier": "email", "proof": "asserted"},
        "at": NOW.isoformat(), "undoable_until": (NOW + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    banner = contact_view.banner(contact_view.merges([entry], NOW, READER))
    assert banner is not None
    assert (banner["how"], banner["days_left"]) == ("automatically (same e-mail, asserted)", 30)
    undone = {**entry, "undone_at": NOW.isoformat()}
    assert contact_view.banner(contact_view.merges([undone], NOW, READER)) is None
