"""Every door answers bad input with a problem that names the field, and keeps nothing of it."""

import json
from typing import Any

import httpx
import pytest

from tests.e2e.visitors import Doors, Visitor, unique

PROBLEM = "application/problem+json"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith(PROBLEM)
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert {"type", "title", "detail", "request_id"} <= set(body)
    return body


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"{not json", 400, "malformed", id="not JSON"),
        pytest.param(b'{"name": "\xff"}', 400, "malformed", id="not UTF-8"),
        pytest.param(b'{"a":' * 40 + b"1" + b"}" * 40, 400, "malformed", id="too deep"),
        pytest.param(b"[]", 422, "invalid", id="not an object"),
        pytest.param(
            b'{"name": "nobody can be found by this"}', 422, "invalid", id="no identifier"
        ),
        pytest.param(
            b'{"external_id": "u", "name": "a' + b"a" * 1_100_000 + b'"}',
            413,
            "too-large",
            id="too big",
        ),
    ],
)
def test_a_contact_that_cannot_be_read_is_refused(
    doors: Doors, body: bytes, status: int, code: str
) -> None:
    answer = doors.api.post(
        "/v1/contacts", content=body, headers={"Content-Type": "application/json"}
    )
    problem(answer, status, code)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("/email", "not an address", id="e-mail"),
        pytest.param("/phone", "12", id="phone"),
        pytest.param("/name", 17, id="a number for a name"),
        pytest.param("/name", "nul \x00", id="NUL"),
        pytest.param("/tags", "vip", id="a text for a list"),
        pytest.param("/audience", "nobody", id="an audience the agent does not have"),
        pytest.param("/custom_attributes", [1], id="a list for attributes"),
        pytest.param("/verified", True, id="what only a proof may say"),
    ],
)
def test_a_bad_field_is_named_and_its_value_is_not_repeated(
    doors: Doors, field: str, value: Any
) -> None:
    user = unique("user")
    answer = doors.api.post("/v1/contacts", json={"external_id": user, field[1:]: value})
    body = problem(answer, 422, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]
    assert "not an address" not in answer.text
    assert doors.find(external_id=user) == []


def test_more_than_fifty_tags_are_refused_whole(doors: Doors) -> None:
    user = unique("user")
    tags = [f"tag-{number}" for number in range(51)]
    answer = doors.api.post("/v1/contacts", json={"external_id": user, "tags": tags})
    assert problem(answer, 422, "limit")["errors"][0]["field"] == "/tags"
    assert doors.find(external_id=user) == []


@pytest.mark.parametrize(
    "parameter", ["colour=red", "sort=-shoe_size", "limit=201", "cursor=mine", "kind=alien"]
)
def test_an_unknown_filter_is_an_error_and_never_ignored(doors: Doors, parameter: str) -> None:
    answer = doors.api.get(f"/v1/contacts?{parameter}")
    body = problem(answer, 422, "invalid")
    assert body["errors"][0]["field"] == parameter.partition("=")[0]


def test_the_framework_s_own_errors_are_problems_too(doors: Doors) -> None:
    for client in (doors.api, doors.ingest):
        problem(client.get("/v1/nowhere"), 404, "not-found")
        problem(
            client.put("/v1/events" if client is doors.ingest else "/v1/contacts"),
            405,
            "method-not-allowed",
        )


def test_each_door_has_a_page_about_itself_that_needs_nobody_else(doors: Doors) -> None:
    for client in (doors.api, doors.ingest):
        page = client.get("/docs")
        assert page.status_code == httpx.codes.OK
        assert "https://" not in page.text
        paths = client.get("/openapi.json").json()["paths"]
        assert paths
        assert not [path for path in paths if path.startswith("/internal")]


def test_without_a_key_nothing_is_told(doors: Doors) -> None:
    for client, path in ((doors.api, "/v1/contacts"), (doors.api, "/v1/contacts/contact_x")):
        for headers in ({"Authorization": ""}, {"Authorization": "Bearer ak_" + "x" * 43}):
            problem(client.get(path, headers=headers), 401, "unauthenticated")
    answer = doors.ingest.post("/v1/events", json=[], headers={"Authorization": "Bearer nonsense"})
    problem(answer, 401, "unauthenticated")
    problem(
        httpx.post(f"{doors.ingest.base_url}/v1/widget/wk_unknown/events", json=[]),
        404,
        "not-found",
    )


def test_a_broken_line_of_ndjson_is_one_rejected_event(doors: Doors) -> None:
    visitor = Visitor.arrives()
    lines = [json.dumps(visitor.says("one")), "{broken", json.dumps(visitor.says("two"))]
    answer = doors.ingest.post(
        "/v1/events",
        content="\n".join(lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == httpx.codes.ACCEPTED
    assert answer.json()["accepted"] == 2
    assert [row["index"] for row in answer.json()["rejected"]] == [1]


def test_one_event_too_many_and_one_byte_too_many_are_told_apart(doors: Doors) -> None:
    visitor = Visitor.arrives()
    many = [visitor.looks() for _ in range(1001)]
    problem(doors.ingest.post("/v1/events", json=many), 413, "too-large")
    padding = b" " * 5_000_001
    answer = doors.ingest.post("/v1/events", content=b"[" + padding + b"]")
    problem(answer, 413, "too-large")


def test_a_key_without_the_scope_is_told_which_one_is_missing(doors: Doors) -> None:
    made = doors.api.get("/v1/agents").json()["data"][0]
    key = doors.api.post(
        f"/v1/agents/{made['id']}/keys", json={"kind": "api", "scopes": ["contacts:read"]}
    ).json()
    reader = {"Authorization": f"Bearer {key['key']}"}
    answer = doors.api.post("/v1/contacts", json={"external_id": "u"}, headers=reader)
    assert "contacts:write" in problem(answer, 403, "missing-scope")["detail"]


def test_the_same_key_with_another_body_is_refused(doors: Doors) -> None:
    once, user = {"Idempotency-Key": unique("once")}, unique("user")
    first = doors.api.post("/v1/contacts", json={"external_id": user, "name": "A"}, headers=once)
    again = doors.api.post("/v1/contacts", json={"external_id": user, "name": "A"}, headers=once)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = doors.api.post("/v1/contacts", json={"external_id": user, "name": "B"}, headers=once)
    problem(other, 422, "idempotency-key-reused")
