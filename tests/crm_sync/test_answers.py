"""What a CRM's answers mean for each row, and what is sent next."""

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
from crm_sync.domain.profile import (
    agreed,
)
from crm_sync.domain.sending import (
    DueLink,
    batches_of,
    plan_round,
    seconds_to_midnight,
    settle,
)
from tests.crm_sync.conftest import link

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def items(*records: str) -> list[Item]:
    return [Item(record, 1, record, {"email": f"{record}@example.com"}) for record in records]


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
