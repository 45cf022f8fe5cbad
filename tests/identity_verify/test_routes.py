"""The internal door: secrets are told once, rotated with an overlap, and tested."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from identity_verify.app import make
from identity_verify.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Runtime
from tests.identity_verify.claims import AGENT, agent, pem, sign, token

TOKEN = "a service token of the tests"


@pytest.fixture
async def door(database: str, secret: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=migrate.service_dsn(database, "identity_verify", secret),
        secret=secret,
        service_token=TOKEN,
    )
    service = make(settings)
    service.replicas["settings"].put(AGENT, agent())
    service.replicas["settings"].complete.set()
    runtime = Runtime(service)
    await runtime.open()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(build_app(service, runtime), raise_app_exceptions=False),
        base_url="http://identity-verify/internal/v1",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client
    await runtime.close()


async def check(door: httpx.AsyncClient, secret: str, user: str = "u1") -> dict[str, object]:
    body = {"agent": AGENT, "user_id": user, "user_hash": sign(secret, user)}
    answer = await door.post("/check", json=body)
    assert answer.status_code == 200
    return dict(answer.json())


async def test_a_secret_is_told_once_and_then_proves(door: httpx.AsyncClient) -> None:
    made = (await door.post("/secrets", json={"agent": AGENT})).json()
    assert await check(door, made["secret"]) == {"ok": True, "secret_id": made["id"]}
    listed = await door.get("/secrets", params={"agent": AGENT})
    assert [one["id"] for one in listed.json()["data"]] == [made["id"]]
    assert made["secret"] not in listed.text


async def test_a_given_secret_may_be_given_again(door: httpx.AsyncClient) -> None:
    body = {"agent": AGENT, "secret": "the customer's own", "label": "demo"}
    first, second = [(await door.post("/secrets", json=body)).json() for _ in range(2)]
    assert first == second
    assert (await check(door, "the customer's own"))["ok"]


async def test_a_rotation_keeps_the_old_secret_for_the_overlap(door: httpx.AsyncClient) -> None:
    old = (await door.post("/secrets", json={"agent": AGENT})).json()["secret"]
    rotate = {"agent": AGENT, "overlap_hours": 1}
    new = (await door.post("/secrets/rotate", json=rotate)).json()["secret"]
    assert [(await check(door, secret))["ok"] for secret in (old, new)] == [True, True]
    await door.post("/secrets/rotate", json={**rotate, "overlap_hours": 0})
    assert await check(door, old) == {"ok": False, "code": "bad-signature"}
    assert await check(door, new) == {"ok": False, "code": "bad-signature"}


async def test_a_deleted_secret_proves_nothing(door: httpx.AsyncClient) -> None:
    made = (await door.post("/secrets", json={"agent": AGENT})).json()
    path = f"/secrets/{made['id']}"
    assert (await door.delete(path, params={"agent": "agent_b"})).status_code == 404
    assert (await door.delete(path, params={"agent": AGENT})).status_code == 204
    assert await check(door, made["secret"]) == {"ok": False, "code": "no-secret"}
    assert (await door.delete(path, params={"agent": AGENT})).status_code == 404
    listed = await door.get("/secrets", params={"agent": AGENT})
    assert listed.json()["data"] == []


async def test_a_public_key_proves_tokens_and_is_rotated_by_itself(door: httpx.AsyncClient) -> None:
    secret = (await door.post("/secrets", json={"agent": AGENT})).json()
    first, second = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    async def proven_by(key: ec.EllipticCurvePrivateKey) -> object:
        now = int(datetime.now(UTC).timestamp())
        given = token(key, algorithm="ES256", iat=now, exp=now + 60)
        body = {"agent": AGENT, "user_id": "u1", "token": given}
        told = (await door.post("/check", json=body)).json()
        return told.get("secret_id") or told["code"]

    body = {"agent": AGENT, "algorithm": "ES256", "public_key": pem(first)}
    made = (await door.post("/secrets", json=body)).json()
    assert set(made) == {"id", "algorithm", "public_key"}
    assert await proven_by(first) == made["id"]
    assert await proven_by(second) == "bad-signature"

    rotate = {**body, "public_key": pem(second), "overlap_hours": 0}
    newer = (await door.post("/secrets/rotate", json=rotate)).json()
    assert await proven_by(second) == newer["id"]
    assert await proven_by(first) == "bad-signature"
    assert (await check(door, secret["secret"]))["ok"]


async def test_an_agent_has_no_endless_list_of_live_keys(door: httpx.AsyncClient) -> None:
    codes = [(await door.post("/secrets", json={"agent": AGENT})).status_code for _ in range(21)]
    assert codes == [201] * 20 + [422]
    assert (await door.post("/secrets/rotate", json={"agent": AGENT})).status_code == 422
    listed = (await door.get("/secrets", params={"agent": AGENT})).json()["data"]
    assert len(listed) == 20


async def test_tests_of_a_signature_have_a_limit(door: httpx.AsyncClient) -> None:
    body = {"agent": AGENT, "user_id": "u1", "user_hash": "0" * 64}
    answers = [await door.post("/check", json=body) for _ in range(60)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 200
    assert refused
    assert refused[-1].headers["Retry-After"]


async def test_a_check_names_what_is_wrong(door: httpx.AsyncClient) -> None:
    await door.post("/secrets", json={"agent": AGENT, "secret": "one"})
    assert await check(door, "one", user="null") == {"ok": False, "code": "blocked"}
    for more, code in (
        ({}, "no-signature"),
        ({"user_hash": "no hex"}, "malformed"),
        ({"token": "a.b.c"}, "malformed"),
    ):
        answer = await door.post("/check", json={"agent": AGENT, "user_id": "u1", **more})
        assert answer.json() == {"ok": False, "code": code}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "/agent", id="no agent"),
        pytest.param({"agent": AGENT, "secret": ""}, "/secret", id="an empty secret"),
        pytest.param(
            {"agent": AGENT, "secret": "no hex", "encoding": "hex"}, "/secret", id="no hex"
        ),
        pytest.param({"agent": AGENT, "algorithm": "ES256"}, "/public_key", id="no public key"),
        pytest.param(
            {"agent": AGENT, "algorithm": "EdDSA", "public_key": "no hex"},
            "/public_key",
            id="a public key that is none",
        ),
        pytest.param(
            {"agent": AGENT, "public_key": "no hex"}, "/public_key", id="a public key as a secret"
        ),
        pytest.param(
            {"agent": AGENT, "algorithm": "ES256", "secret": "one"}, "/secret", id="a secret as key"
        ),
        pytest.param({"agent": AGENT, "algorithm": "RS256"}, "/algorithm", id="RS256"),
        pytest.param({"agent": AGENT, "colour": "red"}, "/colour", id="an unknown field"),
    ],
)
async def test_a_bad_order_names_its_field(
    door: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    answer = await door.post("/secrets", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "no hex" not in answer.text


async def test_nobody_comes_in_without_the_service_token(door: httpx.AsyncClient) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer another"}):
        answer = await door.get("/secrets", params={"agent": AGENT}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
