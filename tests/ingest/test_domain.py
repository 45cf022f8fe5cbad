"""Records, claims and what an event tells; nothing here needs a server."""

from typing import Any, Final

import pytest

from contact_schema.interactions import IdentityClaimed, InteractionAccepted
from contact_schema.records import Unit, record_id, space_key
from ingest.domain import (
    Ids,
    Known,
    Placed,
    Rights,
    draft,
    messages_of,
    place,
    spot_of,
    within_limit,
)
from tests.ingest.arrivals import (
    AGENT,
    NOW,
    SECRET,
    SPACE,
    arrival,
    event,
    identify,
    message,
)

KEY = space_key(SECRET, SPACE)
ADAPTER, SERVER = Rights(proves_channels=True), Rights(vouches=True)


def placed(*sent: dict[str, Any], rights: Rights | None = None) -> list[Placed]:
    """The events on their records where nothing is known and nothing is fenced."""
    arrivals = [arrival(one, rights) for one in sent]
    ids = Ids()
    return place(arrivals, [spot_of(one, ids) for one in arrivals], Known(), ids).events


def record(kind: Any, name: str, user: str | None = None) -> str:
    return record_id(KEY, Unit(kind, AGENT, name), user)


def told(*sent: dict[str, Any], rights: Rights | None = None) -> list[Any]:
    drafts, _ = within_limit([draft(one) for one in placed(*sent, rights=rights)], ())
    return [one for entry in drafts for one in messages_of(entry, NOW)]


def identifiers(accepted: InteractionAccepted | IdentityClaimed) -> set[tuple[str, Any, str]]:
    return {(one.type, one.key, one.proof) for one in accepted.observation.identifiers}


def test_the_conversation_is_the_unit_before_session_sender_and_browser() -> None:
    sender = {"address": "+49 30 901820"}
    nowhere = {"session_id": None, "sender": sender, "browser_id": "b1", "channel": "sms"}
    events = placed(
        message(browser_id="b1"),
        event("logged_out", browser_id="b1"),
        event("logged_out", **nowhere),
        event("logged_out", session_id=None, browser_id="b1"),
        identify("u1", session_id=None),
    )
    assert [one.record for one in events] == [
        record("conversation", "c1"),
        record("session", "s1"),
        record("sender", "sms:+4930901820"),
        record("browser", "b1"),
        record("user", "u1", "u1"),
    ]


def test_an_identify_claims_what_follows_in_its_session_and_its_conversations() -> None:
    before, claim, after, other = placed(
        message(), identify("u1"), message(), message(conversation_id="c2", session_id="s2")
    )
    assert before.record == record("conversation", "c1")
    assert claim.record == record("session", "s1", "u1")
    assert after.record == record("conversation", "c1", "u1")
    assert after.claim == claim.claim
    assert (other.record, other.claim) == (record("conversation", "c2"), None)


def test_a_conversation_without_a_session_uses_the_session_last_seen_in_it() -> None:
    *_, alone = placed(identify("u1"), message(), message(session_id=None))
    assert alone.record == record("conversation", "c1", "u1")


def test_a_conversation_that_never_had_a_session_has_a_claim_of_its_own() -> None:
    opened, after = placed(
        identify("u1", session_id=None, conversation_id="c1"), message(session_id=None)
    )
    assert opened.record == after.record == record("conversation", "c1", "u1")


BROWSER: Final = Rights(of_browser=True)


@pytest.mark.parametrize("stranger", [{}, {"browser_id": "b2"}, {"session_id": "s2"}])
def test_a_browser_that_knows_somebody_s_conversation_does_not_speak_as_that_person(
    stranger: dict[str, Any],
) -> None:
    intruding = message(**{"session_id": None, **stranger})
    arrivals = [arrival(one, BROWSER) for one in (identify("u1"), message(), intruding, message())]
    ids = Ids()
    spots = [spot_of(one, ids) for one in arrivals]
    *_, his, intruder, again = place(arrivals, spots, Known(), ids).events
    assert (intruder.record, intruder.claim) == (record("conversation", "c1"), None)
    assert his.record == again.record == record("conversation", "c1", "u1")


def test_a_browser_without_a_session_is_told_by_its_own_id() -> None:
    here: dict[str, Any] = {"session_id": None, "browser_id": "b1"}
    *_, his, other = placed(
        identify("u1", conversation_id="c1", **here),
        message(**here),
        message(session_id=None, browser_id="b2"),
        rights=BROWSER,
    )
    assert his.record == record("conversation", "c1", "u1")
    assert other.record == record("conversation", "c1")


def test_logging_out_ends_the_claim_and_still_belongs_to_it() -> None:
    _, out, after = placed(identify("u1"), event("logged_out"), message())
    assert out.record == record("session", "s1", "u1")
    assert (after.record, after.claim) == (record("conversation", "c1"), None)


def test_a_second_user_in_one_conversation_is_a_second_record() -> None:
    *_, first, _, second = placed(identify("u1"), message(), identify("u2"), message())
    assert first.record == record("conversation", "c1", "u1")
    assert second.record == record("conversation", "c1", "u2")


def test_an_identify_tells_its_user_and_metadata_in_the_claim_only() -> None:
    metadata = {"email": "Ada@example.com", "name": "Ada", "plan": "pro", "audience": "internal"}
    accepted, claim = told(identify("user-1", user_metadata=metadata))
    assert "user-1" not in accepted.model_dump_json()
    assert "Ada" not in accepted.model_dump_json()
    assert (claim.user, claim.claim, claim.record) == ("user-1", accepted.claim, accepted.record)
    assert identifiers(claim) == {("email", "ada@example.com", "typed")}
    assert claim.observation.field_class == "self"
    # Nobody but the customer's own server says which audience somebody is in.
    assert claim.observation.fields == {
        "name": "Ada",
        "plan": "pro",
        "attr.audience": "internal",
    }


def test_metadata_of_a_wrong_type_is_kept_as_an_attribute() -> None:
    _, claim = told(identify("u", user_metadata={"name": 17, "email": ["x"], "phone": None}))
    assert claim.observation.fields == {"attr.name": 17, "attr.email": ["x"]}
    assert identifiers(claim) == set()


def test_only_a_server_that_sends_no_signature_at_all_vouches() -> None:
    unsigned = identify("u", user_hash=None, user_metadata={"email": "a@example.com"})
    _, claim = told(unsigned, rights=SERVER)
    assert claim.vouched
    assert claim.observation.field_class == "system"
    assert identifiers(claim) == {("email", "a@example.com", "asserted")}
    for sent, rights in (
        (unsigned, Rights()),
        ({**unsigned, "user_hash": None}, SERVER),
        ({**unsigned, "user_hash": ""}, SERVER),
        ({**unsigned, "user_hash": 7}, SERVER),
    ):
        assert not told(sent, rights=rights)[1].vouched


@pytest.mark.parametrize(
    ("channel", "sender", "rights", "expected"),
    [
        pytest.param("slack", {"address": "U1"}, None, {("slack", "U1", "typed")}, id="typed"),
        pytest.param(
            "whatsapp",
            {"address": "4915112345678"},
            ADAPTER,
            {("whatsapp", "+4915112345678", "proven"), ("phone", "+4915112345678", "proven")},
            id="a proven WhatsApp sender proves the number",
        ),
        pytest.param(
            "email",
            {"address": "Ada <ada+x@example.com>"},
            ADAPTER,
            {("email", "ada@example.com", "typed")},
            id="mail without DMARC",
        ),
        pytest.param(
            "email",
            {"address": "ada@example.com", "dmarc": "pass"},
            ADAPTER,
            {("email", "ada@example.com", "proven")},
            id="mail with DMARC",
        ),
        pytest.param(
            "email",
            {"address": "ada@example.com", "dmarc": "pass"},
            None,
            {("email", "ada@example.com", "typed")},
            id="a key that may not prove",
        ),
        pytest.param(
            "telegram", {"address": "7"}, ADAPTER, {("channel", "telegram:7", "proven")}, id="other"
        ),
    ],
)
def test_a_sender_is_proven_only_by_a_key_that_may(
    channel: str, sender: dict[str, str], rights: Rights | None, expected: set[Any]
) -> None:
    sent = message(channel=channel, sender=sender, session_id=None)
    assert identifiers(told(sent, rights=rights)[0]) == expected


def test_what_the_shop_itself_writes_says_nothing_about_the_person() -> None:
    shop = {"address": "shop@example.com", "name": "Shop", "dmarc": "pass"}
    sent = message(channel="email", direction="outbound", sender=shop, session_id=None)
    (accepted,) = told(sent, rights=ADAPTER)
    assert accepted.observation.identifiers == ()
    assert accepted.observation.fields == {}


def test_a_lead_is_typed_and_what_does_not_parse_is_shown_without_a_key() -> None:
    lead = {"name": "Ada", "email": "not an address", "phone": "030 901820", "attributes": {"x": 1}}
    (accepted,) = told(event("lead_captured", lead=lead, session_id=None, conversation_id="c"))
    assert identifiers(accepted) == {("email", None, "typed"), ("phone", "+4930901820", "typed")}
    assert accepted.observation.fields == {"name": "Ada", "attr.x": 1}
    assert accepted.detail.lead == lead


def test_the_sixth_typed_address_of_a_unit_links_nothing() -> None:
    leads = [
        event("lead_captured", conversation_id="c1", lead={"email": f"a{number}@example.com"})
        for number in (1, 2, 3, 4, 5, 6, 1)
    ]
    keys = [
        one.key
        for accepted in told(*leads)
        for one in accepted.observation.identifiers
        if one.type == "email"
    ]
    assert keys == [*(f"a{number}@example.com" for number in (1, 2, 3, 4, 5)), None, keys[0]]


def test_a_clock_that_is_ahead_is_set_back_to_ours() -> None:
    (ahead,) = told(message(occurred_at="2026-11-20T12:04:00Z"))
    (late,) = told(message(occurred_at="2020-01-01T00:00:00+02:00"))
    assert ahead.observation.occurred_at == ahead.observation.at == NOW
    assert late.observation.occurred_at.isoformat() == "2019-12-31T22:00:00+00:00"
