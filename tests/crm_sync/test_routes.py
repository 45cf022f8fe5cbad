"""The connections' door."""

import pytest
from cryptography.exceptions import InvalidTag
from httpx import ASGITransport, AsyncClient

from contact_schema.changes import CrmConnectionChanged
from crm_sync.sealing import seal, unseal
from crm_sync.targets import ForbiddenTargetError, check_target
from tests.crm_sync.conftest import SPACE, World, changed, until

TOKEN = "pat-na1-a-secret-token"


async def test_credentials_are_sealed_and_never_shown(quiet: World) -> None:
    connection = await quiet.connect(credentials={"access_token": TOKEN})
    shown = await quiet.call("GET", f"/{connection}?space={SPACE}")
    assert "credentials" not in shown.json()
    assert TOKEN not in shown.text
    row = await quiet.runtime.pool.fetchrow("SELECT c::text AS all FROM crm_sync.connections AS c")
    assert TOKEN not in row["all"]
    assert TOKEN.encode().hex() not in row["all"]


async def test_a_repeat_with_the_same_label_is_the_same_connection(quiet: World) -> None:
    first = await quiet.connect()
    assert await quiet.connect(credentials={"access_token": "pat-new"}) == first
    listed = (await quiet.call("GET", f"?space={SPACE}")).json()["data"]
    assert [one["id"] for one in listed] == [first]


async def test_a_good_connection_becomes_ok_with_its_account_and_kiths_properties(
    world: World,
) -> None:
    connection = await world.connect()

    async def ok() -> bool:
        shown = (await world.call("GET", f"/{connection}?space={SPACE}")).json()
        return bool((shown["state"], shown["account"]) == ("ok", "62515"))

    await until(ok)
    key = world.hubspot.standin.portal.definitions["kith_contact_id"]
    assert key.unique is True
    states = [m.state for m in await world.hear() if isinstance(m, CrmConnectionChanged)]
    assert states == ["degraded", "ok"]


async def test_a_refused_token_is_told_at_once_by_the_test_call(world: World) -> None:
    connection = await world.connect()
    assert (await world.call("POST", f"/{connection}/test?space={SPACE}")).json()["ok"] is True
    world.hubspot.standin.faults.revoked = True
    told = (await world.call("POST", f"/{connection}/test?space={SPACE}")).json()
    assert (told["ok"], told["code"]) == (False, "auth_revoked")
    assert told["detail"] == "HubSpot refuses the access token. Enter a new one."


async def test_a_paused_connection_sends_nothing_until_it_goes_on(world: World) -> None:

    connection = await world.connect()
    paused = await world.call("PATCH", f"/{connection}?space={SPACE}", json={"state": "paused"})
    assert (paused.json()["state"], paused.json()["reason"]) == ("paused", "Paused by hand.")
    await world.receive(changed("contact_a", "ada@example.com"))
    await world.until_state("contact_a", "pending", "queued")
    await world.call("PATCH", f"/{connection}?space={SPACE}", json={"state": "ok"})
    await world.until_state("contact_a", "synced")


async def test_another_space_does_not_see_it(quiet: World) -> None:
    connection = await quiet.connect()
    for method, body in (("GET", None), ("PATCH", {"label": "x"}), ("DELETE", None)):
        answer = await quiet.call(method, f"/{connection}?space=space_other", json=body)
        assert answer.status_code == 404
    assert (await quiet.call("GET", "?space=space_other")).json() == {"data": []}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"kind": "salesforce"}, "/kind", id="kind"),
        pytest.param({"credentials": {}}, "/credentials/access_token", id="no token"),
        pytest.param({"pull": "all"}, "/pull", id="unknown"),
        pytest.param({"base_url": "http://10.0.0.1"}, "/base_url", id="private"),
        pytest.param({"base_url": "file:///etc/passwd"}, "/base_url", id="scheme"),
        pytest.param({"field_map": {"shoe": "shoe"}}, "/field_map", id="unknown field"),
        pytest.param(
            {"field_map": {"email": "email", "phone": "email"}}, "/field_map", id="one target twice"
        ),
        pytest.param({"field_map": {"email": "kith_contact_id"}}, "/field_map", id="the key"),
    ],
)
async def test_a_bad_order_is_refused_by_its_field(
    quiet: World, change: dict[str, object], field: str
) -> None:
    body = {
        "space": SPACE,
        "agent": "agent_1",
        "kind": "hubspot",
        "label": "Sales",
        "credentials": {"access_token": TOKEN},
        **change,
    }
    answer = await quiet.call("POST", "", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert TOKEN not in answer.text
    assert (await quiet.call("GET", f"?space={SPACE}")).json() == {"data": []}


async def test_the_door_needs_the_service_token(quiet: World) -> None:
    async with AsyncClient(transport=ASGITransport(quiet.app), base_url="http://crm") as client:
        answer = await client.get(f"/internal/v1/connections?space={SPACE}")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1",
        "https://[::1]",
        "https://169.254.169.254/latest",
        "https://10.1.2.3",
        "https://[::ffff:10.0.0.1]",
        "https://0.0.0.0",
        "https://2130706433",
        "http://example.com",
        "ftp://example.com",
        "https://user@example.com",
    ],
)
async def test_no_connection_points_into_our_own_network(address: str) -> None:
    with pytest.raises(ForbiddenTargetError):
        await check_target(address, allow_loopback=False)


def test_sealed_credentials_open_in_their_own_space_only() -> None:
    sealed = seal("secret", "space_a", b"token")
    assert unseal("secret", "space_a", sealed) == b"token"
    assert sealed != seal("secret", "space_a", b"token")
    for secret, space, stored in (
        ("other", "space_a", sealed),
        ("secret", "space_b", sealed),
        ("secret", "space_a", sealed[:-1] + bytes([sealed[-1] ^ 1])),
    ):
        with pytest.raises(InvalidTag):
            unseal(secret, space, stored)
