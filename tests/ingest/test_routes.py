"""The HTTP doors as adapters and browsers meet them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ingest import store
from tests.ingest.arrivals import (
    API_KEY,
    APP_KEY,
    ORIGIN,
    READER_KEY,
    SLOW_KEY,
    WIDGET_KEY,
    event,
    identify,
    message,
)
from tests.ingest.conftest import Asked

NDJSON = {"Content-Type": "application/x-ndjson"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    return body


async def texts(doors: Asked) -> list[str]:
    details = [told.get("detail", {}) for told in await doors.told()]
    return [detail["text"] for detail in details if detail.get("text")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda sent: json.dumps(sent[0]).encode(), id="one"),
        pytest.param(lambda sent: json.dumps(sent).encode(), id="an array"),
        pytest.param(lambda sent: json.dumps({"events": sent}).encode(), id="events"),
    ],
)
async def test_one_event_or_many_are_accepted_once(doors: Asked, body: Any) -> None:
    sent = [message("Hello")]
    first = await doors.post(body(sent), headers={"Content-Type": "application/json"})
    again = await doors.post(body(sent), headers={"Content-Type": "application/json"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert again.json() == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert await texts(doors) == ["Hello"]


async def test_a_bad_event_never_sinks_its_neighbours(doors: Asked) -> None:
    good = [message("before"), message("after")]
    bad = [event("massage"), message("nul \0"), message("\ud800"), 7, {**message(), "text": 2**70}]
    answer = await doors.post(json.dumps([good[0], *bad, good[1]]).encode())
    outcome = answer.json()
    assert outcome["accepted"] == 2
    assert [(row["index"], row["code"], row.get("field")) for row in outcome["rejected"]] == [
        (1, "unknown-type", "/type"),
        (2, "unkeepable", "/text"),
        (3, "unkeepable", "/text"),
        (4, "wrong-type", None),
        (5, "unkeepable", "/text"),
    ]
    assert outcome["rejected"][0]["event_id"] == bad[0]["event_id"]  # type: ignore[index]
    assert await texts(doors) == ["before", "after"]


async def test_a_single_bad_event_is_answered_202_too(doors: Asked) -> None:
    answer = await doors.post(event("massage"))
    assert answer.status_code == 202
    assert [row["field"] for row in answer.json()["rejected"]] == ["/type"]


async def test_a_broken_line_is_one_rejected_event(doors: Asked) -> None:
    lines = [json.dumps(message("one")), "{broken", "", json.dumps(message("two"))]
    answer = await doors.post("\n".join(lines).encode(), headers=NDJSON)
    assert answer.json()["accepted"] == 2
    assert [(row["index"], row["code"]) for row in answer.json()["rejected"]] == [(1, "malformed")]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": "\xff"}', b"[" * 33 + b"]" * 33, b'{"a": NaN}']
)
async def test_what_does_not_parse_is_malformed(doors: Asked, body: bytes) -> None:
    problem(await doors.post(body), 400, "malformed")


async def test_a_thousand_events_and_five_megabytes_are_the_limits(doors: Asked) -> None:
    many = [event("massage")] * 1_000
    assert (await doors.post(many)).status_code == 202
    problem(await doors.post([*many, many[0]]), 413, "too-large")
    assert (await doors.post(b"[" + b" " * 4_999_998 + b"]")).status_code == 202
    problem(await doors.post(b"[" + b" " * 4_999_999 + b"]"), 413, "too-large")


async def test_a_key_must_be_known_and_have_the_scope(doors: Asked) -> None:
    problem(await doors.post([], key="ak_nobody"), 401, "unauthenticated")
    problem(await doors.post([], key=WIDGET_KEY), 401, "unauthenticated")
    problem(await doors.http.post("/v1/events", json=[]), 401, "unauthenticated")
    refused = problem(await doors.post([], key=READER_KEY), 403, "missing-scope")
    assert "events:write" in refused["detail"]


async def test_another_media_type_or_method_is_a_problem(doors: Asked) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    problem(await doors.post(b"a=b", headers=form), 415, "unsupported-media-type")
    problem(
        await doors.post(b"x", headers={"Content-Encoding": "gzip"}), 415, "unsupported-media-type"
    )
    problem(await doors.http.put("/v1/events", json=[]), 405, "method-not-allowed")


async def test_too_many_events_are_told_when_to_come_again(doors: Asked) -> None:
    accepted = await doors.post([message(), message()], key=SLOW_KEY)
    assert accepted.status_code == 202
    assert accepted.headers["RateLimit-Policy"] == '"default";q=2;w=1'
    refused = await doors.post([message()], key=SLOW_KEY)
    problem(refused, 429, "rate-limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await doors.post([message()], key=API_KEY)).status_code == 202


async def test_requests_at_the_same_time_are_each_answered_for_themselves(doors: Asked) -> None:
    sent = [[message(f"{number}")] for number in range(40)]
    answers = await asyncio.gather(*(doors.post(body) for body in [*sent, sent[0]]))
    outcomes = [answer.json() for answer in answers]
    assert sum(outcome["accepted"] for outcome in outcomes) == 40
    assert sum(outcome["duplicates"] for outcome in outcomes) == 1
    assert sorted(await texts(doors), key=int) == [str(number) for number in range(40)]


async def test_a_database_that_is_away_keeps_nothing_and_says_so(doors: Asked) -> None:
    pool, doors.runtime._pool = doors.runtime._pool, None
    refused = await doors.post([message()])
    doors.runtime._pool = pool
    problem(refused, 503, "unavailable")
    assert refused.headers["Retry-After"]
    assert await doors.told() == []
    assert (await doors.post([message()])).json()["accepted"] == 1


async def test_the_widget_s_answer_is_the_same_whatever_it_sends(doors: Asked) -> None:
    for body in ([message("Hi")], [event("massage")], [], identify("u1")):
        answer = await doors.widget(WIDGET_KEY, body, Origin=ORIGIN)
        assert (answer.status_code, answer.json()) == (202, {})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert await texts(doors) == ["Hi"]


async def test_the_widget_may_send_plain_text_and_leave_its_channel_out(doors: Asked) -> None:
    body = json.dumps([message("Hi", channel=None)]).encode()
    answer = await doors.widget(
        WIDGET_KEY, body, Origin=ORIGIN, **{"Content-Type": "text/plain;charset=UTF-8"}
    )
    assert answer.status_code == 202
    assert [told["channel"] for told in await doors.told()] == ["widget"]


async def test_the_widget_proves_and_vouches_for_nothing(doors: Asked) -> None:
    sender = {"address": "+4915112345678", "dmarc": "pass"}
    body = [
        message("Hi", channel="whatsapp", sender=sender),
        identify("u1", user_hash=None, user_metadata={"email": "a@example.com"}),
    ]
    assert (await doors.widget(WIDGET_KEY, body, Origin=ORIGIN)).status_code == 202
    said, _, claim = await doors.told()
    assert {one["proof"] for one in said["observation"]["identifiers"]} == {"typed"}
    assert claim["type"] == "IdentityClaimed"
    assert not claim["vouched"]
    assert {one["proof"] for one in claim["observation"]["identifiers"]} == {"typed"}


async def test_a_page_of_another_origin_is_refused(doors: Asked) -> None:
    body = [message()]
    for headers in ({"Origin": "https://evil.example.com"}, {"Origin": "null"}, {}):
        problem(await doors.widget(WIDGET_KEY, body, **headers), 403, "origin")
    assert (await doors.widget(APP_KEY, body)).status_code == 202
    problem(await doors.widget("wk_nobody", body, Origin=ORIGIN), 404, "not-found")
    problem(await doors.widget(API_KEY, body, Origin=ORIGIN), 404, "not-found")


async def test_a_preflight_is_answered_by_the_same_rule(doors: Asked) -> None:
    path = f"/v1/widget/{WIDGET_KEY}/events"
    allowed = await doors.http.options(path, headers={"Origin": ORIGIN})
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed.headers["Access-Control-Allow-Methods"] == "POST"
    problem(await doors.http.options(path, headers={"Origin": "https://x.example"}), 403, "origin")


async def test_a_browser_can_read_why_it_was_refused(doors: Asked) -> None:
    for body in (b"{", b" " * 65_537, [event("massage")] * 51):
        answer = await doors.widget(WIDGET_KEY, body, Origin=ORIGIN)
        assert answer.status_code in {400, 413}
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_session_and_an_address_have_limits_of_their_own(doors: Asked) -> None:
    assert (await doors.widget(APP_KEY, [message()] * 3)).status_code == 202
    problem(await doors.widget(APP_KEY, [message()]), 429, "rate-limited")
    other = message(session_id="s2")
    assert (await doors.widget(APP_KEY, [other])).status_code == 202
    problem(await doors.widget(APP_KEY, [message(session_id="s3")] * 3), 429, "rate-limited")


async def test_the_widget_s_client_is_small_and_kept_by_its_version(doors: Asked) -> None:
    answer = await doors.http.get("/v1/widget.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert int(answer.headers["Content-Length"]) <= 2_048
    version = answer.headers["ETag"].strip('"')
    kept = await doors.http.get(f"/v1/widget.js?v={version}")
    assert "immutable" in kept.headers["Cache-Control"]
    assert "immutable" not in answer.headers["Cache-Control"]
    known = await doors.http.get("/v1/widget.js", headers={"If-None-Match": f'"{version}"'})
    assert known.status_code == 304


async def test_a_good_key_is_not_called_wrong_before_the_keys_are_read(doors: Asked) -> None:
    """A sender that is told 401 gives up; told 503 he comes again."""
    doors.runtime.replicas["settings"].complete.clear()
    answer = await doors.post([])
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"

    doors.runtime.replicas["settings"].complete.set()
    assert (await doors.post([])).status_code == 202


async def test_an_adapter_is_told_which_events_were_rejected_with_their_claim(doors: Asked) -> None:
    await doors.post([identify("u1")])
    async with doors.runtime.transaction() as tx:
        await tx.connection.execute("UPDATE ingest.claims SET refused = true")
    late = message()
    answer = await doors.post([event("massage"), late, message(session_id="s2")])
    assert answer.status_code == 202
    told = answer.json()
    assert (told["accepted"], told["duplicates"]) == (1, 0)
    assert [(one["index"], one["code"]) for one in told["rejected"]] == [
        (0, "unknown-type"),
        (1, "bad-signature"),
    ]
    assert (await doors.post([late])).json() == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert (await doors.widget(APP_KEY, [message()])).json() == {}


async def test_the_same_call_of_an_idempotency_key_gets_the_same_answer(doors: Asked) -> None:
    once, body = {"Idempotency-Key": "k1"}, [message(), event("massage")]
    first, again = [await doors.post(body, headers=once) for _ in range(2)]
    assert first.json()["accepted"] == 1
    assert (again.status_code, again.content) == (202, first.content)
    assert (await doors.post(body)).json()["duplicates"] == 1
    problem(await doors.post([message()], headers=once), 422, "idempotency-key-reused")
    problem(await doors.post(body, headers={"Idempotency-Key": "k" * 256}), 422, "invalid")
    assert await texts(doors) == ["Hello"]

    async with doors.runtime.transaction() as tx:
        await tx.connection.execute(
            "UPDATE ingest.answers SET created_at = created_at - interval '25 hours'"
        )
    assert (await doors.post([message()], headers=once)).json()["accepted"] == 1
    async with doors.runtime.transaction() as tx:
        assert await store.prune_answers(tx, datetime.now(UTC) - timedelta(hours=24), 10) == 0
        assert await store.prune_answers(tx, datetime.now(UTC) + timedelta(hours=1), 10) == 1


async def test_calls_of_one_key_at_once_get_one_answer(doors: Asked) -> None:
    once, body = {"Idempotency-Key": "k1"}, [message()]
    answers = await asyncio.gather(*(doors.post(body, headers=once) for _ in range(5)))
    assert len({answer.content for answer in answers}) == 1
