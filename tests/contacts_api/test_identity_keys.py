"""Signing keys over the public API, with the service that keeps them behind it."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from identity_verify.app import make
from identity_verify.settings import Settings
from service_kit import http, migrate
from service_kit.service import Runtime
from tests.contacts_api.front import TOKEN, Front, open_stage, problem
from tests.identity_verify.claims import sign

SECRETS, ROTATE, CHECK = "/v1/identity/secrets", "/v1/identity/secrets/rotate", "/v1/identity/check"


@pytest.fixture
async def front(database: str, secret: str) -> AsyncIterator[Front]:
    """The API with the verifier behind it, both real."""
    verifier = make(
        Settings(
            kafka_bootstrap="127.0.0.1:1",
            service_postgres_dsn=migrate.service_dsn(database, "identity_verify", secret),
            secret=secret,
            service_token=TOKEN,
        )
    )
    verifier.replicas["settings"].complete.set()
    runtime = Runtime(verifier)
    await runtime.open()
    async with open_stage(database, secret, identity_verify_url="http://identity") as stage:
        await stage.state.neighbours.aclose()
        transport = httpx.ASGITransport(http.build_app(verifier, runtime))
        stage.state.neighbours = httpx.AsyncClient(transport=transport)
        yield await stage.enter()
    await runtime.close()


async def proves(client: httpx.AsyncClient, secret: str) -> dict[str, object]:
    body = {"user_id": "u1", "user_hash": sign(secret, "u1")}
    answer = await client.post(CHECK, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_key_is_made_shown_once_rotated_and_deleted(front: Front) -> None:
    made = await front.api.post(SECRETS, json={"label": "shop"})
    assert made.status_code == 201
    first = made.json()
    second = (await front.api.post(ROTATE)).json()
    assert await proves(front.api, first["secret"]) == {"ok": True, "secret_id": first["id"]}
    assert await proves(front.api, second["secret"]) == {"ok": True, "secret_id": second["id"]}

    listed = await front.api.get(SECRETS)
    rows = {row["id"]: row for row in listed.json()["data"]}
    assert first["secret"] not in listed.text
    assert rows[first["id"]]["ends_at"]
    assert rows[second["id"]]["ends_at"] is None

    assert (await front.api.delete(f"{SECRETS}/{first['id']}")).status_code == 204
    assert await proves(front.api, first["secret"]) == {"ok": False, "code": "bad-signature"}
    done = (await front.api.get("/v1/audit")).json()["data"]
    assert [entry["action"] for entry in done] == [
        "identity_key.deleted", "identity_key.rotated", "identity_key.created",
    ]  # fmt: skip
    assert first["secret"] not in str(done)


async def test_an_agent_s_keys_are_nobody_else_s(front: Front) -> None:
    made = (await front.api.post(SECRETS)).json()
    assert (await front.second.get(SECRETS)).json()["data"] == []
    problem(await front.second.delete(f"{SECRETS}/{made['id']}"), 404, "not-found")
    stolen = {"agent": front.agent, "user_id": "u1", "user_hash": sign(made["secret"], "u1")}
    assert (await front.second.post(CHECK, json=stolen)).json() == {
        "ok": False,
        "code": "no-secret",
    }
    assert (await proves(front.api, made["secret"]))["ok"]


async def test_only_whoever_manages_settings_may_touch_keys(front: Front) -> None:
    keys = f"/v1/agents/{front.agent}/keys"
    made = await front.api.post(keys, json={"kind": "api", "scopes": ["contacts:write"]})
    writer = front.client(made.json()["key"])
    for answer in (
        await writer.get(SECRETS),
        await writer.post(SECRETS),
        await writer.post(ROTATE),
        await writer.delete(f"{SECRETS}/secret_x"),
        await writer.post(CHECK, json={"user_id": "u1"}),
    ):
        problem(answer, 403, "missing-scope")


async def test_a_repeated_call_makes_one_key_and_says_so_again(front: Front) -> None:
    once = {"Idempotency-Key": "a"}
    first, again = [await front.api.post(ROTATE, headers=once) for _ in range(2)]
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert len((await front.api.get(SECRETS)).json()["data"]) == 1
    other = await front.api.post(ROTATE, headers=once, json={"overlap_hours": 1})
    problem(other, 422, "idempotency-key-reused")
    problem(await front.api.post(SECRETS, headers=once), 422, "idempotency-key-reused")
    elsewhere = await front.second.post(ROTATE, headers=once)
    assert elsewhere.json()["secret"] != first.json()["secret"]


async def test_no_secret_stands_readable_in_any_table(front: Front, database: str) -> None:
    made = (await front.api.post(SECRETS, headers={"Idempotency-Key": "b"})).json()["secret"]
    administrator = await asyncpg.connect(database)
    try:
        tables = await administrator.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname IN ('contacts_api', 'identity_verify')"
        )
        for table in tables:
            rows = await administrator.fetch(f"SELECT t::text AS row FROM {table['name']} AS t")
            assert not [row for row in rows if made in row["row"]], table["name"]
            assert not [row for row in rows if made.encode().hex() in row["row"]], table["name"]
    finally:
        await administrator.close()


async def test_what_is_wrong_with_a_key_is_named(front: Front) -> None:
    for body, field in (
        ({"algorithm": "ES256"}, "/public_key"),
        ({"overlap": 1}, "/overlap"),
        ({"secret": "xyz", "encoding": "hex"}, "/secret"),
    ):
        refused = problem(await front.api.post(SECRETS, json=body), 422, "invalid")
        assert [error["field"] for error in refused["errors"]] == [field]
