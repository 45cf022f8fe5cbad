"""Merges, notes, erasure and the agent's context, as a back end calls them."""

from typing import Any

from contact_schema.changes import ContactChanged
from contact_schema.commands import LinkRecords
from contact_schema.erasure import ErasureRequested
from contacts_api import handlers
from service_kit.testing import received
from tests.contacts_api.front import Front, create, problem
from tests.contacts_api.messages import event, proof, record


async def test_a_merged_id_redirects_with_its_query_and_an_undo_brings_both_back(
    front: Front,
) -> None:
    left, right = await create(front, external_id="l"), await create(front, external_id="r")
    note = await front.api.post(f"/v1/contacts/{right['id']}/notes", json={"text": "Call"})
    assert (note.status_code, note.json()["author"][:4]) == (201, "key ")
    body = {"into": left["id"], "survivor": left["id"]}
    merge = await front.api.post(f"/v1/contacts/{right['id']}/merge", json=body)
    assert merge.json()["contact"]["merged_ids"] == [right["id"]]

    moved = await front.api.get(f"/v1/contacts/{right['id']}/notes?limit=5")
    assert moved.status_code == 307
    assert moved.headers["location"] == f"/v1/contacts/{left['id']}/notes?limit=5"
    followed = await front.api.get(moved.headers["location"])
    assert [n["text"] for n in followed.json()["data"]] == ["Call"]
    erasing = await front.api.delete(f"/v1/contacts/{right['id']}")
    assert problem(erasing, 409, "merged")["survivor"] == left["id"]

    [entry] = (await front.api.get(f"/v1/contacts/{left['id']}/merges")).json()["data"]
    assert (entry["id"], entry["cause"]) == (merge.json()["merge_id"], "operator")
    undo = f"/v1/merges/{entry['id']}/undo"
    undone = (await front.api.post(undo)).json()["contacts"]
    assert {c["id"] for c in undone} == {left["id"], right["id"]}
    back = (await front.api.get(f"/v1/contacts/{right['id']}/notes")).json()["data"]
    assert [n["text"] for n in back] == ["Call"]
    assert (await front.api.get(f"/v1/contacts/{left['id']}/notes")).json()["data"] == []
    repeated = await front.api.post(undo, json={})
    assert {c["id"] for c in repeated.json()["contacts"]} == {left["id"], right["id"]}


async def test_a_merge_needs_two_contacts_that_are_there(front: Front) -> None:
    contact, path = await create(front, external_id="l"), "/v1/contacts/{}/merge"
    own = path.format(contact["id"])
    problem(await front.api.post(own, json={"into": contact["id"]}), 409, "same-contact")
    foreign = await front.second.post("/v1/contacts", json={"external_id": "x"})
    answer = await front.api.post(own, json={"into": foreign.json()["id"]})
    assert [e["field"] for e in problem(answer, 422, "invalid")["errors"]] == ["/into"]
    nobody = path.format("contact_" + "a" * 26)
    problem(await front.api.post(nobody, json={"into": contact["id"]}), 404, "not-found")
    assert await front.emitted(LinkRecords) == []


async def test_notes_are_changed_by_version_and_deleted(front: Front) -> None:
    contact = await create(front, external_id="l")
    notes = f"/v1/contacts/{contact['id']}/notes"
    note = (await front.api.post(notes, json={"text": "One"})).json()
    edited = await front.api.patch(
        f"{notes}/{note['id']}", json={"text": "Two"}, headers={"If-Match": "1"}
    )
    assert (edited.json()["text"], edited.json()["version"]) == ("Two", 2)
    stale = await front.api.patch(
        f"{notes}/{note['id']}", json={"text": "Three"}, headers={"If-Match": "1"}
    )
    problem(stale, 412, "version-conflict")
    problem(await front.api.post(notes, json={"text": "x" * 10_001}), 422, "invalid")
    assert (await front.api.delete(f"{notes}/{note['id']}")).status_code == 204
    problem(await front.api.delete(f"{notes}/{note['id']}"), 404, "not-found")


async def test_an_erasure_hides_at_once_and_a_later_row_is_a_new_contact(front: Front) -> None:
    contact = await create(front, external_id="u1")
    path = f"/v1/contacts/{contact['id']}"
    started = await front.api.delete(path + "?grace_days=0&reason=subject_request")
    assert (started.status_code, started.json()["state"]) == (202, "requested")
    gone = problem(await front.api.get(path), 410, "erased")
    assert gone["erasure_id"] == started.json()["id"]
    assert (await front.api.get("/v1/contacts?external_id=u1")).json()["data"] == []
    [requested] = await front.emitted(ErasureRequested)
    assert (requested.contact, requested.version) == (contact["id"], contact["version"])
    problem(await front.api.delete(path), 410, "erased")
    shown = (await front.api.get(f"/v1/erasures/{requested.erasure}")).json()
    assert (shown["contact"], shown["receipts"]) == (contact["id"], [])

    again = await create(front, external_id="u1")
    assert again["id"] != contact["id"]


async def test_a_person_may_come_back_after_each_of_many_erasures(front: Front) -> None:
    seen = set()
    for _ in range(6):
        contact = await create(front, external_id="u1")
        seen.add(contact["id"])
        assert (await front.api.delete(f"/v1/contacts/{contact['id']}")).status_code == 202
    assert len(seen) == 6


async def test_the_agent_s_context_needs_a_proof_of_this_conversation(front: Front) -> None:
    contact = await create(front, external_id="u1", name="Ada")
    context = "/v1/conversations/c1/contact"
    here: dict[str, Any] = {"space": front.space, "agent": front.agent}
    async with front.state.transaction(front.space) as tx:
        spoken = event(contact["id"], claim="claim_1", **here)
        await handlers.on_interactions([received(spoken)], tx)
        claim = proof(contact["id"], "claim_1").model_copy(update=here)
        await handlers.on_identity([received(claim)], tx)
    assert (await front.api.get(context)).json() == {"verified": False}
    proven = ContactChanged(
        space=front.space,
        snapshot=front.resolver.snapshots[contact["id"]],
        joined=(record(contact["id"], "u1"),),
    )
    async with front.state.transaction(front.space) as tx:
        await handlers.on_changes([received(proven, sequence=10**6)], tx)
    seen = (await front.api.get(context)).json()
    assert (seen["verified"], seen["contact"]["name"]) == (True, "Ada")
    assert set(seen["contact"]) == {
        "id", "external_id", "name", "email", "phone", "company", "audience",
        "custom_attributes", "tags", "stripe_accounts",
    }  # fmt: skip
    assert (await front.second.get(context)).json() == {"verified": False}
