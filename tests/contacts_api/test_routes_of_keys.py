"""Keys, settings, people, and how the door refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from contact_schema.commands import ResyncContact
from contact_schema.settings import AgentSettings, key_digest
from contacts_api.actions.sign_in import sign_in, sign_out, signed_in
from contacts_api.actions.workspaces import publish_again
from service_kit.problems import Problem
from tests.contacts_api.front import PASSWORD, TOKEN, Front, create, problem


async def test_a_key_must_be_shown_and_may_do_what_its_scopes_say(front: Front) -> None:
    for key in (None, "ak_" + "x" * 43, TOKEN):
        answer = await front.client(key).get("/v1/contacts")
        problem(answer, 401, "unauthenticated")
    keys = f"/v1/agents/{front.agent}/keys"
    made = (await front.api.post(keys, json={"kind": "api", "scopes": ["contacts:read"]})).json()
    reader = front.client(made["key"])
    assert (await reader.get("/v1/contacts")).is_success
    refused = await reader.post("/v1/contacts", json={"external_id": "u"})
    assert "contacts:write" in problem(refused, 403, "missing-scope")["detail"]
    assert (await front.api.delete(f"{keys}/{made['id']}")).status_code == 204
    problem(await reader.get("/v1/contacts"), 401, "unauthenticated")
    problem(await front.second.get(keys), 404, "not-found")


async def test_a_key_with_limits_of_its_own_is_slowed_down(front: Front) -> None:
    slow = front.client(front.slow_key)
    answers = [await slow.get("/v1/contacts") for _ in range(4)]
    assert [a.status_code for a in answers][:2] == [200, 200]
    refused = problem(answers[3], 429, "rate-limited")
    assert refused["request_id"]
    assert int(answers[3].headers["retry-after"]) >= 1
    assert answers[0].headers["ratelimit-policy"]


async def test_settings_are_published_whole_and_without_a_key(front: Front) -> None:
    change = {"typed_email": "suggest", "region": "FR", "limits": {"api_per_key": 7}}
    changed = (await front.api.patch("/v1/settings", json=change)).json()
    assert (changed["typed_email"], changed["region"]) == ("suggest", "FR")
    published = (await front.emitted(AgentSettings))[-1]
    assert published.policies.typed_email == "suggest"
    assert published.limits.api_per_key == 7
    assert key_digest(front.key) in {key.digest for key in published.keys}
    assert front.key not in published.model_dump_json()
    for bad in ({"region": "germany"}, {"limits": {"shoes": 1}}, {"typed_email": "maybe"}):
        problem(await front.api.patch("/v1/settings", json=bad), 422, "invalid")


async def test_settings_are_published_again_before_the_outbox_forgets_them(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = front.stage.state
    told = await front.emitted(AgentSettings)
    await publish_again(state)
    assert await front.emitted(AgentSettings) == told
    monkeypatch.setattr(state, "now", lambda: datetime.now(UTC) + timedelta(days=2))
    await publish_again(state)
    again = await front.emitted(AgentSettings)
    assert again == [*told, told[-1]]
    await publish_again(state)
    assert await front.emitted(AgentSettings) == again


async def test_a_repeated_provisioning_changes_nothing_but_what_it_says(front: Front) -> None:
    before = (await front.api.get("/v1/agents")).json()["data"]
    body = {"agents": [{"name": "Shop assistant", "region": "AT", "grace_days": 3}]}
    installer = front.client(TOKEN)
    again = await installer.put(f"/internal/v1/workspaces/{front.name}", json=body)
    assert again.json()["agents"][0]["id"] == before[0]["id"]
    assert (await front.api.get("/v1/agents")).json()["data"][0]["region"] == "AT"
    problem(
        await front.api.put(f"/internal/v1/workspaces/{front.name}", json=body),
        401,
        "unauthenticated",
    )


async def test_who_did_what_is_kept_in_ids(front: Front) -> None:
    contact = await create(front, external_id="u1", name="Ada Secret")
    await front.api.post(f"/v1/contacts/{contact['id']}/crm/resync")
    [ordered] = await front.emitted(ResyncContact)
    assert ordered.contact == contact["id"]
    audit = await front.api.get(f"/v1/audit?contact={contact['id']}")
    assert [a["action"] for a in audit.json()["data"]] == [
        "contact.resync_ordered", "contact.written",
    ]  # fmt: skip
    assert "Ada Secret" not in audit.text


async def test_bad_bodies_are_problems_of_their_kind(front: Front) -> None:
    post = front.api.post
    kind = {"Content-Type": "application/json"}
    problem(await post("/v1/contacts", content=b"{no", headers=kind), 400, "malformed")
    deep = b'{"a":' * 40 + b"1" + b"}" * 40
    problem(await post("/v1/contacts", content=deep, headers=kind), 400, "malformed")
    problem(await post("/v1/contacts", content=b"[]", headers=kind), 422, "invalid")
    large = b'"' + b"a" * 1_100_000 + b'"'
    problem(await post("/v1/contacts", content=large, headers=kind), 413, "too-large")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    problem(await post("/v1/contacts", content=b"a=1", headers=form), 415, "unsupported-media-type")
    problem(await front.api.put("/v1/contacts"), 405, "method-not-allowed")


async def test_a_neighbour_that_is_away_breaks_only_its_own_routes(front: Front) -> None:
    away = await front.api.get("/v1/crm/connections")
    assert problem(away, 503, "unavailable")
    assert away.headers["retry-after"]
    assert (await front.api.get("/v1/contacts")).is_success


async def test_the_page_of_the_door_names_paths_and_codes(front: Front) -> None:
    page = (await front.api.get("/openapi.json")).json()
    assert "/v1/contacts/{contact}/merge" in page["paths"]
    assert not [path for path in page["paths"] if path.startswith(("/internal", "/a/"))]
    responses = page["paths"]["/v1/contacts"]["post"]["responses"]
    assert "idempotency-key-reused" in responses["422"]["description"]


async def test_signing_in_takes_the_password_and_can_be_ended(front: Front) -> None:
    token, user = await sign_in(front.state, front.login, PASSWORD, "127.0.0.1")
    assert user.role == "admin"
    assert await signed_in(front.state, token) == user
    await sign_out(front.state, token)
    assert await signed_in(front.state, token) is None


async def test_guessing_passwords_is_slowed_down(front: Front) -> None:
    codes = []
    for _ in range(6):
        with pytest.raises(Problem) as refused:
            await sign_in(front.state, front.login, "wrong", "192.0.2.7")
        codes.append(refused.value.status)
    assert codes == [401] * 5 + [429]
