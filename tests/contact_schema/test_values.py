"""The vectors that other projects publish, and what must hold for any text at all."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contact_schema.values import (
    channel_key,
    channel_type,
    email_key,
    external_id,
    forget_parsed,
    is_blocked,
    is_role_mailbox,
    may_identify,
    phone_key,
    whatsapp_key,
)

Case = dict[str, Any]

CASES: list[Case] = [
    case
    for file in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for case in json.loads(file.read_text("utf-8"))["cases"]
]
ANSWER: dict[str, Callable[[Case], str | None]] = {
    "email-key": lambda case: email_key(case["input"]),
    "phone-key": lambda case: phone_key(case["input"], case["default_region"]),
    "whatsapp-key": lambda case: whatsapp_key(case["input"]),
    "may-identify": lambda case: (
        "allowed" if may_identify(case["type"], case["input"]) else "blocked"
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_vectors_of_other_projects_hold(case: Case) -> None:
    assert ANSWER[case["kind"]](case) == case["expected"]


def test_no_file_of_vectors_is_left_out() -> None:
    assert {case["id"].rpartition("-")[0] for case in CASES} == {
        "blocked_values",
        "email_invalid",
        "email_normalise",
        "email_unicode",
        "phone_e164",
        "phone_invalid",
        "phone_whatsapp",
        "blocked_corners",
        "email_corners",
        "phone_corners",
        "whatsapp_corners",
    }


REGIONS = st.sampled_from([None, "DE", "US", "MX", "BR", "AR", "IT", "NZ", "xx", ""])
NEARLY_A_NUMBER = st.text(alphabet="0123456789+()-. ;ext=x#*/abcABC٣", max_size=30)
NEARLY_AN_ADDRESS = st.builds(
    "{}{}@{}.{}".format,
    st.text(alphabet="abcXYZ.+ßİΣé\u0301'-\"<> ", max_size=12),
    st.sampled_from(["", "+tag", ".+tag"]),
    st.sampled_from(["gmail", "GoogleMail", "ya", "exämple", "\uff45xample", "-"]),
    st.sampled_from(["com", "ru", "c", "ΨΟΜ", ""]),
)
ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)


@given(ANY_TEXT | NEARLY_AN_ADDRESS)
@example("İ+x@example.com")
@example("m.\u0301@gmail.com")
@example("mailto:%C3%A9@example.com")
def test_the_key_of_an_email_key_is_itself(text: str) -> None:
    key = email_key(text)
    assert key is None or email_key(key) == key


@given(ANY_TEXT | NEARLY_A_NUMBER, REGIONS)
@example("045 33 1234-5678 ext 9", "MX")
@example("+55 66 9667 9626", None)
def test_the_key_of_a_phone_key_is_itself_in_every_region(text: str, region: str | None) -> None:
    key = phone_key(text, region)
    assert key is None or {phone_key(key, other) for other in (None, "US", "MX", region)} == {key}


@given(ANY_TEXT | NEARLY_A_NUMBER)
def test_a_whatsapp_key_is_the_phone_key_of_the_same_number(text: str) -> None:
    key = whatsapp_key(text)
    assert key is None or phone_key(key) == whatsapp_key(key) == key


@given(ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_no_text_makes_a_normaliser_raise(text: str, other: str, own: list[str]) -> None:
    external_id(text)
    for channel in ("whatsapp", "sms", "slack", "messenger", "email", other):
        channel_key(channel, text)
    is_blocked(other, text, own)


@pytest.mark.parametrize("spelling", ["Ada <ada@example.com>", "mailto:ADA@example.com?subject=Hi"])
def test_the_address_inside_a_header_or_a_link_counts(spelling: str) -> None:
    assert email_key(spelling) == "ada@example.com"


def test_what_is_left_without_its_tag_must_be_an_address() -> None:
    assert email_key("+tag@example.com") is None
    assert email_key("ada.+tag@example.com") is None


def test_an_old_spelling_of_a_mobile_number_meets_todays() -> None:
    assert phone_key("+55 66 9667-9626") == whatsapp_key("5566996679626")
    for spelling in ("01 33 1234-5678", "044 33 1234-5678", "045 33 1234-5678"):
        assert phone_key(spelling, "MX") == whatsapp_key("5213312345678") == "+523312345678"
    assert phone_key("044 33 1234-5678 ext 9", "MX") == "+523312345678;ext=9"


def test_an_extension_is_part_of_the_number() -> None:
    assert phone_key("03 331 6005 ext. 34", "NZ") == "+6433316005;ext=34"
    assert phone_key("03 331 6005 ext. 34", "NZ") != phone_key("03 331 6005", "NZ")


@pytest.mark.parametrize(
    "address",
    ["5491112345678", "+5491112345678", "whatsapp:+5491112345678", "5491112345678@s.whatsapp.net"],
)
def test_every_spelling_of_a_whatsapp_id_gives_one_key(address: str) -> None:
    assert channel_key("whatsapp", address) == "+5491112345678"


def test_a_whatsapp_group_is_nobody() -> None:
    assert whatsapp_key("120363025246125486@g.us") is None
    assert whatsapp_key("5491112345678@lid") is None


def test_a_number_of_a_service_is_not_a_person() -> None:
    assert [phone_key(number, "DE") for number in ("0180 2 123456", "0800 1234567")] == [None, None]


def test_a_blocked_address_has_no_key_however_it_is_spelled() -> None:
    assert email_key("Test <Test+7@test.com>") is None


def test_an_sms_number_without_country_is_of_the_agents_region() -> None:
    assert channel_key("sms", "030 123456", "DE") == "+4930123456"
    assert channel_key("sms", "030 123456") is None


def test_a_sender_that_is_a_word_is_not_an_sms_number() -> None:
    assert channel_key("sms", "VODAFONE", "DE") is None


def test_addresses_on_other_channels_stay_as_given_and_apart() -> None:
    assert channel_key("slack", " U012ABcd ") == "U012ABcd"
    assert channel_key("telegram", "U012ABcd") == "telegram:U012ABcd"
    assert channel_type("telegram") == "channel"
    assert channel_key("telegram", "undefined") is None


def test_an_external_id_is_never_altered() -> None:
    assert [external_id(text) for text in ("1", "1.0", "user_1 ", "Ü" * 128)] == [
        "1",
        "1.0",
        "user_1 ",
        "Ü" * 128,
    ]
    assert [external_id(text) for text in ("", "x" * 129, "null", "a\0b", "\ud800")] == [None] * 5


def test_an_agent_blocks_values_of_its_own_by_pattern_and_type() -> None:
    own = ("email:*@Example.com", "kiosk-*-demo", "shared")
    assert is_blocked("email", "ada@example.com", own)
    assert not is_blocked("user", "ada@example.com", own)
    assert is_blocked("user", "KIOSK-7-demo", own)
    assert not is_blocked("user", "kiosk-7-demo-2", own)
    assert not is_blocked("user", "shared-2", own)


def test_a_hostile_pattern_costs_no_more_than_a_plain_one() -> None:
    assert not is_blocked("user", "a" * 1000 + "!", ("*a" * 30 + "b",))


def test_mailboxes_of_a_function_are_known_as_such() -> None:
    assert is_role_mailbox("info@example.com")
    assert not is_role_mailbox("inga@example.com")


def test_no_name_is_looked_up_on_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are parsed at the doors, thousands a second, and say who writes to whom."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    forget_parsed()
    assert email_key("ada@nowhere-at-all.example.com") == "ada@nowhere-at-all.example.com"
