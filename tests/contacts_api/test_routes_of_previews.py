"""Previews and explanations, and whether what is shown is what is then done."""

from datetime import datetime
from typing import Any, cast

import pytest

from contact_schema.interactions import IdentityVerified
from contact_schema.observations import Observation, ObservedIdentifier
from contact_schema.records import Unit, record_id, unit_id
from tests.contacts_api.front import Front, create, problem
from tests.contacts_api.resolving import RealResolver


@pytest.fixture
async def front(real_front: Front) -> Front:
    return real_front


async def get(front: Front, path: str, **parameters: Any) -> dict[str, Any]:
    answer = await front.api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def profile(contact: dict[str, Any]) -> dict[str, Any]:
    """Without what every write changes."""
    own = ("updated_at", "last_seen_at", "version")
    return {name: value for name, value in contact.items() if name not in own}


async def two(front: Front) -> tuple[dict[str, Any], dict[str, Any]]:
    left = await create(front, external_id="u1", name="Ada", email="ada@example.com", tags=["vip"])
    right = await create(front, email="work@example.com", name="A. Lovelace", company="Engines")
    return left, right


async def test_a_merge_is_shown_field_by_field_before_it_is_done(front: Front) -> None:
    left, right = await two(front)
    path = f"/v1/contacts/{right['id']}/merge-preview"
    preview = await get(front, path, into=left["id"])
    assert preview["survivor"] == left["id"]
    assert preview["fields"]["name"] == {
        "left": "A. Lovelace",
        "right": "Ada",
        "result": "A. Lovelace",
        "why": "later",
    }
    assert preview["fields"]["company"]["why"] == "only-one"
    assert (preview["blocked_by"], preview["will_also"]) == ([], [])
    assert preview["contact"]["merged_ids"] == [right["id"]]
    assert len((await get(front, "/v1/contacts"))["data"]) == 2
    done = await front.api.post(f"/v1/contacts/{right['id']}/merge", json={"into": left["id"]})
    assert profile(done.json()["contact"]) == profile(preview["contact"])


async def test_kept_values_show_and_go_again_with_the_merge(front: Front) -> None:
    left, right = await two(front)
    body = {"into": left["id"], "keep": {"name": left["id"]}}
    merged = (await front.api.post(f"/v1/contacts/{right['id']}/merge", json=body)).json()
    assert merged["contact"]["name"] == "Ada"
    preview = await get(front, f"/v1/merges/{merged['merge_id']}/undo-preview")
    undone = await front.api.post(f"/v1/merges/{merged['merge_id']}/undo")
    assert {one["name"] for one in undone.json()["contacts"]} == {"Ada", "A. Lovelace"}
    shown = {one["id"]: one for one in preview["contacts"]}
    for one in undone.json()["contacts"]:
        assert shown[one["id"]].items() <= one.items()


async def test_an_undo_of_what_evidence_joined_shows_who_keeps_the_address(front: Front) -> None:
    left, right = await two(front)
    await create(front, external_id="u1", email="work@example.com")
    [entry] = (await get(front, f"/v1/contacts/{left['id']}/merges"))["data"]
    assert entry["cause"] == "evidence"
    preview = await get(front, f"/v1/merges/{entry['id']}/undo-preview")
    assert {one["id"] for one in preview["contacts"]} == {left["id"], right["id"]}
    shared = {"identifier": "email:work@example.com", "owner": left["id"]}
    assert preview["shared"] == [shared]
    owners = {"email:work@example.com": right["id"]}
    undone = await front.api.post(f"/v1/merges/{entry['id']}/undo", json={"owners": owners})
    assert {one["id"] for one in undone.json()["contacts"]} == {left["id"], right["id"]}
    why = await get(front, f"/v1/contacts/{left['id']}/why", other=right["id"])
    assert why["one"] is False
    assert {one["code"] for one in why["refusals"]} == {"separated"}


async def test_a_separation_is_lifted_by_the_merge_that_names_it(front: Front) -> None:
    left, right = await two(front)
    await create(front, external_id="u1", email="work@example.com")
    [entry] = (await get(front, f"/v1/contacts/{left['id']}/merges"))["data"]
    await front.api.post(f"/v1/merges/{entry['id']}/undo")
    path = f"/v1/contacts/{left['id']}"
    problem(await front.api.post(f"{path}/merge", json={"into": right["id"]}), 409, "separated")
    [blocked] = (await get(front, f"{path}/merge-preview", into=right["id"]))["blocked_by"]
    assert blocked["code"] == "separated"
    body = {"into": right["id"], "lift": [blocked["decision_id"]]}
    assert (await front.api.post(f"{path}/merge", json=body)).status_code == 200


async def test_why_is_told_with_the_weakest_link(front: Front) -> None:
    first = await create(front, email="ada@example.com", external_id="u1")
    await create(front, email="ada@example.com", phone="+49 30 1234567")
    found = await get(front, f"/v1/contacts/{first['id']}/why")
    assert found["one"] is True
    [hop] = found["path"]
    assert (hop["identifier"], hop["rank"], hop["proof"], hop["source"]) == (
        "email:ada@example.com",
        5,
        "asserted",
        "system",
    )
    assert hop["at"].endswith("Z")
    assert found["weakest"] == hop
    assert sorted(map(len, found["without"][0]["parts"])) == [1, 1]


async def test_questions_about_nothing_are_refused(front: Front) -> None:
    left, _ = await two(front)
    path = f"/v1/contacts/{left['id']}"
    missing = problem(await front.api.get(f"{path}/merge-preview"), 422, "invalid")
    assert missing["errors"][0]["field"] == "into"
    nobody = await front.api.get(f"{path}/why", params={"other": "contact_none"})
    assert problem(nobody, 422, "invalid")["errors"][0]["field"] == "other"
    problem(await front.api.get("/v1/merges/merge_none/undo-preview"), 404, "not-found")
    problem(await front.second.get(f"{path}/why"), 404, "not-found")


async def test_a_resolver_that_does_not_answer_breaks_nothing_else(front: Front) -> None:
    left, right = await two(front)
    there = front.state.settings
    front.state.settings = there.model_copy(update={"merge_resolver_url": ""})
    try:
        path = f"/v1/contacts/{left['id']}"
        problem(await front.api.get(f"{path}/why"), 503, "unavailable")
        merged = await front.api.post(f"{path}/merge", json={"into": right["id"]})
        assert merged.status_code == 200
    finally:
        front.state.settings = there


async def _verified(front: Front, user: str, *, at: datetime) -> None:
    """By a signature, in a conversation of his."""
    key = front.state.space_key(front.space)
    unit = Unit("conversation", front.agent, "c1")
    proof = ObservedIdentifier(type="user", key=user, given=user, proof="proven")
    name = f"fact_{at.timestamp()}"
    message = IdentityVerified(
        space=front.space,
        agent=front.agent,
        claim="claim_1",
        record=record_id(key, unit, user),
        unit=unit_id(key, unit),
        user=user,
        proof="proven",
        method="hash",
        observation=Observation(fact=name, at=at, occurred_at=at, identifiers=(proof,)),
    )
    await cast(RealResolver, front.resolver).prove(message)


async def test_a_revoked_verification_ends_and_a_newer_proof_stands_again(front: Front) -> None:
    contact = await create(front, external_id="u1", name="Ada")
    path = f"/v1/contacts/{contact['id']}"
    await _verified(front, "u1", at=front.state.now())
    assert (await get(front, path))["verified"]["user_id"] == "u1"
    stale = await front.api.post(f"{path}/verification/revoke", headers={"If-Match": "1"})
    problem(stale, 412, "version-conflict")
    revoked = await front.api.post(f"{path}/verification/revoke")
    assert revoked.status_code == 200
    assert (revoked.json()["verified"], revoked.json()["external_id"]) == (None, "u1")
    await _verified(front, "u1", at=front.state.now())
    assert (await get(front, path))["verified"]["user_id"] == "u1"


async def test_who_has_no_user_id_has_nothing_to_revoke(front: Front) -> None:
    contact = await create(front, email="ada@example.com")
    answer = await front.api.post(f"/v1/contacts/{contact['id']}/verification/revoke")
    assert (answer.status_code, answer.json()["id"]) == (200, contact["id"])
    missing = await front.api.post("/v1/contacts/contact_none/verification/revoke")
    problem(missing, 404, "not-found")
