"""The demo's day before it is played: everybody who was promised is in it."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest

from kith.demo import cast
from kith.demo.day import Day, Delivery
from kith.demo.events import Event, Names, user_hash

SECRET = "the shop's"
END = datetime(2026, 11, 25, 20, tzinfo=UTC)


def _tell(day: str = "d") -> list[Delivery]:
    return Day(Names(day), SECRET, END, Random(1)).deliveries()


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return [event for delivery in _tell() for event in delivery.events]


def test_the_day_has_the_promised_people(events: list[Event]) -> None:
    leads = {event["lead"].get("email") for event in events if event["type"] == "lead_captured"}
    users = {event["user_id"] for event in events if event["type"] == "identify"}
    speakers = {
        event["session_id"]
        for event in events
        if event["type"] in ("identify", "lead_captured") and "session_id" in event
    }
    anonymous = {event["session_id"] for event in events if "session_id" in event} - speakers
    assert len(anonymous) >= 300
    assert {person.email for person in cast.leads()} <= leads
    assert {person.user_id for person in cast.customers()} <= users


def test_customers_are_met_on_every_channel(events: list[Event]) -> None:
    channels = Counter(event["channel"] for event in events)
    assert set(channels) == {"widget", "whatsapp", "sms", "email", "slack"}


def test_exactly_one_identity_is_forged(events: list[Event]) -> None:
    claims = [event for event in events if event["type"] == "identify"]
    forged = [
        event for event in claims if event["user_hash"] != user_hash(SECRET, event["user_id"])
    ]
    assert len(forged) == 1


def test_some_events_arrive_twice_and_some_late(events: list[Event]) -> None:
    assert len({event["event_id"] for event in events}) < len(events)
    late = [
        delivery
        for delivery in _tell()
        if (delivery.at - datetime.fromisoformat(delivery.events[0]["occurred_at"])).seconds > 3600
    ]
    assert late


def test_a_story_arrives_in_its_order_and_nothing_lies_ahead() -> None:
    told = _tell()
    assert [delivery.at for delivery in told] == sorted(delivery.at for delivery in told)
    assert all(datetime.fromisoformat(e["occurred_at"]) <= END for d in told for e in d.events)


def test_the_same_day_is_told_the_same_way_and_another_shares_no_event() -> None:
    assert _tell() == _tell()
    ids = [{event["event_id"] for d in _tell(day) for event in d.events} for day in ("d", "e")]
    assert not ids[0] & ids[1]
