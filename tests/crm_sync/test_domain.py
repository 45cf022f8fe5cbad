"""What crosses, what HubSpot's answers mean, in which state a link is. No database."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.domain.answers import (
    Answer,
    Exists,
    Gone,
    Halted,
    Item,
    Later,
    Outcome,
    Refused,
    Split,
    Written,
    judge_batch,
    judge_read,
)
from crm_sync.domain.links import Connection, Link, LocalContact, plan_links
from crm_sync.domain.profile import (
    DEFAULT_FIELD_MAP,
    agreed,
    differences,
    fields_of,
    properties_of,
)
from crm_sync.domain.receiving import fold_changes
from crm_sync.domain.sending import (
    DueLink,
    adopt,
    batches_of,
    plan_round,
    seconds_to_midnight,
    settle,
)
from tests.crm_sync.conftest import SPACE, changed

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
TEXT = st.text(max_size=8)
FIELDS = st.dictionaries(st.sampled_from(sorted(DEFAULT_FIELD_MAP)), TEXT)


def link(**more: Any) -> Link:
    return Link(
        **{
            "space": SPACE,
            "connection": "crm_1",
            "record": "contact_a",
            "contact": "contact_a",
            "version": 1,
            "state": "pending",
            **more,
        }
    )


def items(*records: str) -> list[Item]:
    return [Item(record, 1, record, {"email": f"{record}@example.com"}) for record in records]


def test_what_a_visitor_merely_said_does_not_cross() -> None:
    snapshot = changed("contact_a", said={"company": "Hearsay"}, name="  Ada   King Noel ").snapshot
    assert fields_of(snapshot, DEFAULT_FIELD_MAP) == {
        "audience": "public",
        "first_name": "Ada",
        "last_name": "King Noel",
    }


def test_a_mapped_attribute_crosses_as_text() -> None:
    snapshot = changed("contact_a", custom_attributes={"seats": 3, "note": "x", "off": None})
    wanted = ["attr.seats", "attr.note", "attr.off"]
    assert fields_of(snapshot.snapshot, wanted) == {"attr.note": "x", "attr.seats": "3"}


@given(FIELDS)
def test_what_was_agreed_is_not_sent_again(fields: dict[str, str]) -> None:
    properties = properties_of(fields, DEFAULT_FIELD_MAP)
    assert differences(properties, agreed(properties, {})) == {}


@given(FIELDS, FIELDS)
def test_a_crm_that_changes_what_it_is_given_starts_no_loop(
    fields: dict[str, str], returned: dict[str, str]
) -> None:
    properties = properties_of(fields, DEFAULT_FIELD_MAP)
    remote = properties_of(returned, DEFAULT_FIELD_MAP)
    assert differences(properties, agreed(properties, remote)) == {}


@given(FIELDS, FIELDS)
def test_linking_to_a_record_never_overwrites_what_it_has(
    fields: dict[str, str], remote: dict[str, str]
) -> None:
    there = {k: v for k, v in properties_of(remote, DEFAULT_FIELD_MAP).items() if v}
    item, base = adopt(DueLink(link(), fields), DEFAULT_FIELD_MAP, "8801", there)
    assert not set(item.properties) & set(there)
    merged = {**base, **agreed(item.properties, {})}
    assert differences(properties_of(fields, DEFAULT_FIELD_MAP), merged) == {}


def test_a_blank_goes_out_only_where_kith_wrote_a_value() -> None:
    properties = properties_of({}, {"company": "company", "phone": "phone"})
    base = {"company": {"kith": "Ltd", "crm": "Ltd"}}
    assert differences(properties, base) == {"company": ""}


def test_rows_are_matched_by_trace_in_any_order_and_a_missing_one_is_asked_again() -> None:
    sent = items("contact_a", "contact_b", "contact_c")
    body = {
        "status": "COMPLETE",
        "results": [
            {"id": "2", "objectWriteTraceId": "contact_b:1", "properties": {}},
            {"id": "1", "objectWriteTraceId": "contact_a:1", "properties": {}},
        ],
    }
    assert judge_batch(Answer(200, body), sent) == {
        "contact_a": Written("1"),
        "contact_b": Written("2"),
        "contact_c": Later("vendor_unavailable"),
    }


def test_a_partial_failure_blames_its_own_row() -> None:
    details = [{"name": "email", "error": "INVALID_EMAIL"}]
    body = {
        "results": [{"id": "1", "objectWriteTraceId": "contact_a:1"}],
        "errors": [
            {
                "category": "VALIDATION_ERROR",
                "message": f"Property values were not valid: {json.dumps(details)}",
                "context": {"objectWriteTraceId": ["contact_b:1"]},
            }
        ],
    }
    assert judge_batch(Answer(207, body), items("contact_a", "contact_b")) == {
        "contact_a": Written("1"),
        "contact_b": Refused("email", "INVALID_EMAIL"),
    }


CONFLICT = {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 8801"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(Answer(None), Later("vendor_unavailable"), id="no answer"),
        pytest.param(Answer(521), Later("vendor_unavailable"), id="521"),
        pytest.param(
            Answer(477, {}, {"retry-after": "90"}), Later("vendor_unavailable", 90), id="477"
        ),
        pytest.param(Answer(302), Later("vendor_unavailable"), id="redirect"),
        pytest.param(Answer(423), Later("locked", 2.0), id="423"),
        pytest.param(
            Answer(429, {"policyName": "TEN_SECONDLY_ROLLING"}),
            Later("rate_limited", 10.0, everything=True),
            id="ten seconds",
        ),
        pytest.param(
            Answer(429, {"policyName": "SECONDLY"}),
            Later("rate_limited", 1.0, everything=True),
            id="one second",
        ),
        pytest.param(
            Answer(429, None, {"retry-after": "4"}),
            Later("rate_limited", 4.0, everything=True),
            id="vendor's wait",
        ),
        pytest.param(Answer(429, {"policyName": "DAILY"}), Halted("quota_exhausted"), id="daily"),
        pytest.param(Answer(401), Halted("auth_revoked"), id="401"),
        pytest.param(Answer(403), Halted("permission_missing"), id="403"),
        pytest.param(Answer(404), Gone(), id="404"),
        pytest.param(Answer(409, CONFLICT), Exists("8801"), id="409"),
        pytest.param(Answer(409, "nonsense"), Exists(None), id="409 without a word"),
        pytest.param(Answer(400, {"message": "[{broken"}), Refused(None, None), id="400"),
    ],
)
def test_an_answer_to_a_single_row_has_one_meaning(answer: Answer, outcome: Outcome) -> None:
    assert judge_batch(answer, items("contact_a")) == {"contact_a": outcome}


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_batch_refused_for_one_row_is_split(status: int) -> None:
    assert judge_batch(Answer(status, {}), items("contact_a", "contact_b")) == Split()


@given(
    st.integers(100, 599) | st.none(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["results", "errors", "id", "context", "properties", "message", "category"]
                )
                | st.text(),
                inner,
            )
        ),
        max_leaves=12,
    ),
)
def test_no_answer_however_hostile_breaks_the_sender(status: int | None, body: Any) -> None:
    sent = items("contact_a", "contact_b")
    verdict = judge_batch(Answer(status, body), sent)
    assert isinstance(verdict, Split) or set(verdict) == {"contact_a", "contact_b"}
    judge_read(Answer(status, body))


@given(st.lists(st.sampled_from(["", "a@example.com", "A@example.com", "b@example.com"])))
def test_no_batch_has_one_address_twice_and_none_is_lost(addresses: list[str]) -> None:
    sent = [Item(f"c{n}", 1, f"c{n}", {"email": a}) for n, a in enumerate(addresses)]
    batches = batches_of(sent, 3)
    assert sorted(i.record for batch in batches for i in batch) == sorted(i.record for i in sent)
    for batch in batches:
        named = [i.properties["email"].lower() for i in batch if i.properties["email"]]
        assert len(named) == len(set(named))
        assert len(batch) <= 3


def test_a_limit_counts_no_try_and_eight_failures_are_an_error() -> None:
    limited = settle(DueLink(link(), {}), Later("rate_limited", 10), {}, NOW, 0.5)
    assert (limited.link.attempts, limited.link.state, limited.wait) == (0, "pending", 10)
    tried = link()
    for _ in range(8):
        tried = settle(DueLink(tried, {}), Later("vendor_unavailable"), {}, NOW, 0.5).link
    assert (tried.state, tried.reason_code) == ("error", "vendor_unavailable")
    again = settle(DueLink(tried, {}), Written("1"), {}, NOW, 0)
    assert (again.link.state, again.link.attempts) == ("synced", 0)


def test_a_daily_quota_ends_at_midnight_where_the_account_is() -> None:
    assert seconds_to_midnight(NOW, "Europe/Berlin") == timedelta(hours=14).total_seconds()
    assert seconds_to_midnight(NOW, "no/such") == timedelta(hours=15).total_seconds()


def test_a_round_updates_by_record_id_what_is_linked() -> None:
    base = agreed({"email": "a@example.com"}, {})
    linked = link(remote_id="8801", base=base)
    fields = {"email": "b@example.com"}
    work = plan_round([DueLink(linked, fields), DueLink(link(), fields)], {"email": "email"})
    assert [(i.id, dict(i.properties)) for i in work.updates] == [
        ("8801", {"email": "b@example.com"})
    ]
    assert [one.link.remote_id for one in work.link_ups] == [None]
    quiet = plan_round([DueLink(linked, {"email": "a@example.com"})], {"email": "email"})
    assert len(quiet.unchanged) == 1


def contact(kind: Any, **fields: str) -> LocalContact:
    return LocalContact(SPACE, "contact_a", kind, 2, fields)


CONNECTION = Connection(SPACE, "crm_1", "hubspot", {"email": "email"})


def test_a_linked_contact_stays_linked_when_it_falls_below_the_threshold() -> None:
    linked = link(state="synced", remote_id="8801", base=agreed({"email": "a@example.com"}, {}))
    plan = plan_links(
        [CONNECTION],
        [contact("anonymous", email="b@example.com")],
        [("contact_a", linked)],
        changed={(SPACE, "contact_a")},
    )
    assert [(s.link.state, s.due) for s in plan.saved] == [("pending", "settle")]


def test_a_refused_contact_waits_for_a_change_of_what_crosses() -> None:
    refused = link(state="error", reason_code="validation", key_written=True)
    same = plan_links(
        [CONNECTION], [contact("lead", email="bad")], [("contact_a", refused)], changed=()
    )
    assert [(s.link.state, s.due) for s in same.saved] == [("error", "keep")]
    assert same.told == ()
    better = plan_links(
        [CONNECTION],
        [contact("lead", email="good@example.com")],
        [("contact_a", refused)],
        changed={(SPACE, "contact_a")},
    )
    assert [(s.link.state, s.due) for s in better.saved] == [("pending", "settle")]


@pytest.mark.parametrize("code", ["erased", "remote_deleted", "blocked_in_crm"])
def test_a_change_never_ends_what_only_a_person_ends(code: str) -> None:
    ended = link(state="not_synced", reason_code=code, key_written=True)
    plan = plan_links(
        [CONNECTION],
        [contact("lead", email="a@example.com")],
        [("contact_a", ended)],
        changed={(SPACE, "contact_a")},
    )
    assert [(s.link.state, s.link.reason_code, s.due) for s in plan.saved] == [
        ("not_synced", code, "never")
    ]


def test_nobody_forces_an_erased_contact() -> None:
    erased = link(state="not_synced", reason_code="erased")
    plan = plan_links(
        [CONNECTION],
        [contact("lead", email="a@example.com")],
        [("contact_a", erased)],
        changed=(),
        forced={(SPACE, "contact_a", "crm_1")},
    )
    assert [s.due for s in plan.saved] == ["never"]


def test_a_record_that_changes_hands_in_one_batch_is_with_the_last_holder() -> None:
    folded = fold_changes(
        [
            (changed("contact_a", joined=("contact_a", "contact_x")), 1),
            (changed("contact_b", joined=("contact_b", "contact_x")), 2),
            (changed("contact_a", left=("contact_x",)), 3),
        ],
        fenced=(),
    )
    assert folded.held[SPACE, "contact_x"] == "contact_b"
    assert folded.snapshots[SPACE, "contact_a"][1] == 3
