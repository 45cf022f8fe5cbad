"""Every refusal is a problem document, and none repeats what was sent."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel

from service_kit import problems
from service_kit.problems import FieldError, Problem

SECRET_VALUE = "ada@example.com"


class Card(BaseModel):
    age: int


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)

    @app.post("/cards")
    async def add(card: Card) -> None: ...

    @app.get("/cards")
    async def find(limit: Annotated[int, Query(le=200)] = 50) -> None: ...

    @app.get("/own")
    async def own() -> None:
        errors = [FieldError("/a", "odd", "It is odd.")]
        raise Problem(409, "conflict", "No.", "Yes.", errors, {"X-Why": "so"}, {"survivor": "c"})

    @app.get("/down")
    async def down() -> None:
        raise ConnectionRefusedError(SECRET_VALUE)

    @app.get("/bug")
    async def bug() -> None:
        raise KeyError(SECRET_VALUE)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kit") as opened:
        yield opened


def seen(response: httpx.Response) -> dict[str, Any]:
    document: dict[str, Any] = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert document["status"] == response.status_code
    assert document["request_id"] == response.headers["x-request-id"]
    assert SECRET_VALUE not in response.text
    return document


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("DELETE", "/cards", 405, "method-not-allowed"),
        ("GET", "/down", 503, "unavailable"),
        ("GET", "/bug", 500, "internal"),
    ],
)
async def test_what_the_framework_or_a_bug_answers_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    document = seen(await client.request(method, path))
    assert (document["status"], document["code"]) == (status, code)


async def test_what_is_down_says_when_to_come_again(client: httpx.AsyncClient) -> None:
    assert (await client.get("/down")).headers["retry-after"] == "1"


async def test_a_wrong_field_is_named_by_its_pointer(client: httpx.AsyncClient) -> None:
    document = seen(await client.post("/cards", json={"age": SECRET_VALUE}))
    assert (document["status"], document["code"]) == (422, "invalid")
    assert [e["field"] for e in document["errors"]] == ["/age"]


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    document = seen(await client.get("/cards?limit=999"))
    assert [e["field"] for e in document["errors"]] == ["limit"]


async def test_what_is_no_json_is_malformed(client: httpx.AsyncClient) -> None:
    kind = {"content-type": "application/json"}
    document = seen(await client.post("/cards", content=b'{"age": ', headers=kind))
    assert (document["status"], document["code"]) == (400, "malformed")


async def test_a_services_own_problem_keeps_its_parts(client: httpx.AsyncClient) -> None:
    response = await client.get("/own")
    document = seen(response)
    assert response.headers["x-why"] == "so"
    assert document["hint"] == "Yes."
    assert document["errors"] == [{"field": "/a", "code": "odd", "detail": "It is odd."}]
    assert document["survivor"] == "c"
