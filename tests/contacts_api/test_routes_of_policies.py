"""What decides about contacts is set once for a space, by whichever of its agents."""

from contact_schema.commands import ChangePolicy
from contact_schema.settings import AgentSettings
from tests.contacts_api.front import Front


async def test_a_policy_that_changes_contacts_is_ordered_in_the_space(front: Front) -> None:
    await front.api.patch("/v1/settings", json={"typed_email": "suggest"})
    await front.api.patch("/v1/settings", json={"grace_days": 3})
    [ordered] = await front.emitted(ChangePolicy)
    assert ordered.policies.typed_email == "suggest"


async def _neighbour(front: Front) -> tuple[str, str]:
    """Another agent of the space, and a key of its."""
    body = {"name": "Neighbour", "space": "agent Shop assistant"}
    agent = (await front.api.post("/v1/agents", json=body)).json()
    assert agent["space"] == front.space
    wanted = {"kind": "api", "scopes": ["contacts:read", "settings:manage"]}
    key = (await front.api.post(f"/v1/agents/{agent['id']}/keys", json=wanted)).json()
    return agent["id"], key["key"]


async def test_any_agent_of_a_space_changes_what_decides_in_it_for_all(front: Front) -> None:
    neighbour, key = await _neighbour(front)
    change = {"typed_email": "suggest", "on_bad_signature": "reject"}
    assert (await front.client(key).patch("/v1/settings", json=change)).is_success
    [ordered] = await front.emitted(ChangePolicy)
    assert (ordered.space, ordered.policies.typed_email) == (front.space, "suggest")
    shown = (await front.api.get("/v1/settings")).json()
    # How a forged claim is met is each agent's own.
    assert (shown["typed_email"], shown["on_bad_signature"]) == ("suggest", "anonymous")
    published = {one.agent: one.policies for one in await front.emitted(AgentSettings)}
    assert {published[one].typed_email for one in (front.agent, neighbour)} == {"suggest"}


async def test_an_agent_that_joins_a_space_decides_as_it_does(front: Front) -> None:
    await front.api.patch("/v1/settings", json={"typed_email": "suggest"})
    _, key = await _neighbour(front)
    assert (await front.client(key).get("/v1/settings")).json()["typed_email"] == "suggest"
    assert len(await front.emitted(ChangePolicy)) == 1
