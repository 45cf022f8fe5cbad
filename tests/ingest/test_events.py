"""What may be written, and what is said of what may not."""

from datetime import timedelta
from typing import Any

import pytest

from ingest.events import Identify, Rejection, read_event
from ingest.reading import read_item
from tests.ingest.arrivals import NOW, event, identify, message

LATE = (NOW + timedelta(minutes=5, seconds=1)).isoformat()


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        pytest.param("text", "wrong-type", None, id="no object"),
        pytest.param(event("massage"), "unknown-type", "/type", id="unknown type"),
        pytest.param(event("message", type=None), "missing", "/type", id="no type"),
        pytest.param(event("logged_out", event_id=None), "missing", "/event_id", id="no id"),
        pytest.param(event("logged_out", event_id=""), "too-short", "/event_id", id="empty id"),
        pytest.param(event("logged_out", event_id="e" * 129), "too-long", "/event_id", id="129"),
        pytest.param(event("logged_out", event_id=7), "wrong-type", "/event_id", id="number"),
        pytest.param(
            event("logged_out", occurred_at="yesterday"), "malformed", "/occurred_at", id="no time"
        ),
        pytest.param(
            event("logged_out", occurred_at=1764072000), "malformed", "/occurred_at", id="seconds"
        ),
        pytest.param(
            event("logged_out", occurred_at="2026-11-20T12:00:00"),
            "malformed",
            "/occurred_at",
            id="a time without an offset",
        ),
        pytest.param(
            event("logged_out", occurred_at="0001-01-01T00:00:00+14:00"),
            "malformed",
            "/occurred_at",
            id="a time before all time",
        ),
        pytest.param(
            event("logged_out", occurred_at=LATE), "in-the-future", "/occurred_at", id="ahead"
        ),
        pytest.param(
            event("logged_out", channel="Whats App"), "malformed", "/channel", id="channel"
        ),
        pytest.param(event("logged_out", session_id=None), "missing", None, id="nobody"),
        pytest.param(
            event("logged_out", session_id="undefined"), "missing", None, id="a broken widget"
        ),
        pytest.param(event("page_viewed"), "missing", "/page", id="no page"),
        pytest.param(event("page_viewed", page={}), "missing", "/page/url", id="no address"),
        pytest.param(message("x" * 16_385), "too-long", "/text", id="16 KB and a byte"),
        pytest.param(message("ä" * 8_193), "too-long", "/text", id="bytes, not characters"),
        pytest.param(message("x", direction="up"), "unknown-value", "/direction", id="direction"),
        pytest.param(
            message("x", attachments=[{"url": "javascript:alert(1)"}]),
            "malformed",
            "/attachments/0/url",
            id="a script for an attachment",
        ),
        pytest.param(identify("u", user_id=1), "wrong-type", "/user_id", id="user id a number"),
        pytest.param(identify("u" * 129), "too-long", "/user_id", id="user id too long"),
        pytest.param(event("lead_captured", lead=[]), "wrong-type", "/lead", id="lead a list"),
        pytest.param(
            event("lead_captured", lead={"email": 7}), "wrong-type", "/lead/email", id="email"
        ),
        pytest.param(
            event("lead_captured", lead={"attributes": {"k" * 101: 1}}),
            "too-long",
            "/lead/attributes",
            id="a key of the sender's is not repeated",
        ),
        pytest.param(
            event("conversation_tagged", conversation_id="c", tags=[]),
            "too-short",
            "/tags",
            id="tags",
        ),
    ],
)
def test_a_bad_event_is_told_by_its_field(sent: Any, code: str, field: str | None) -> None:
    rejection = read_event(sent, NOW)
    assert isinstance(rejection, Rejection)
    assert (rejection.code, rejection.field) == (code, field)


def test_no_rejection_repeats_a_value() -> None:
    for sent in (
        event("ada@example.com"),
        event("logged_out", occurred_at="ada@example.com"),
        message("x", direction="ada@example.com"),
        event("lead_captured", lead={"attributes": {"ada@example.com" * 9: 1}}),
    ):
        assert "ada@example.com" not in repr(read_event(sent, NOW))


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        pytest.param(message("nul \0 inside"), "/text", id="NUL"),
        pytest.param(message("\ud800"), "/text", id="a lone surrogate"),
        pytest.param(
            identify("u", user_metadata={"a": {"ada": 2**64}}), "/user_metadata", id="a huge number"
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(sent: dict[str, Any], field: str) -> None:
    rejection = read_item(sent, NOW, ())
    assert isinstance(rejection, Rejection)
    assert (rejection.code, rejection.field) == ("unkeepable", field)


@pytest.mark.parametrize("signature", [None, "", 7, [], "no hex"])
def test_a_signature_of_a_wrong_kind_is_no_reason_to_refuse(signature: Any) -> None:
    sent = {**identify("u"), "user_hash": signature, "user_metadata": "not even an object"}
    read = read_event(sent, NOW)
    assert isinstance(read, Identify)
    assert not read.unsigned


def test_an_event_that_is_too_long_for_a_message_is_refused_alone() -> None:
    sent = identify("u", user_metadata={"story": "x" * 131_072})
    rejection = read_item(sent, NOW, ())
    assert isinstance(rejection, Rejection)
    assert rejection.code == "too-large"


def test_an_event_up_to_five_minutes_ahead_is_taken() -> None:
    sent = event("logged_out", occurred_at=(NOW + timedelta(minutes=5)).isoformat())
    assert not isinstance(read_event(sent, NOW), Rejection)


def test_an_agent_s_own_blocked_values_name_nobody_either() -> None:
    assert not isinstance(read_event(event("logged_out", session_id="demo-7"), NOW), Rejection)
    assert isinstance(
        read_event(event("logged_out", session_id="demo-7"), NOW, ("demo-*",)), Rejection
    )
