"""The API as its callers meet it: reads, writes, refusals."""

import asyncio
import time
from typing import Any

import pytest

from contact_schema.changes import ContactChanged
from contact_schema.commands import EditContact, LinkRecords, ObserveRecord
from contact_schema.erasure import ErasureRequested
from contacts_api import handlers
from service_kit.testing import received
from tests.contacts_api.front import Front, create, problem
from tests.contacts_api.messages import event, proof, record


async def test_a_write_is_read_back_at_once(front: Front) -> None:
    answer = await front.api.post("/v1/contacts", json={"external_id": "u1", "name": "Ada"})
    assert answer.status_code == 201
    created = answer.json()
    assert answer.headers["location"] == f"/v1/contacts/{created['id']}"
    assert answer.headers["etag"] == f'"{created["version"]}"'
    assert (await front.api.get(f"/v1/contacts/{created['id']}")).json() == created
    again = await front.api.post("/v1/contacts", json={"external_id": "u1", "name": "Ada"})
    assert (again.status_code, again.json()) == (200, created)
    ordered = await front.emitted(ObserveRecord)
    assert {command.record for command in ordered} == {created["id"]}


async def test_writes_are_read_back_within_a_tenth_of_a_second(front: Front) -> None:
    took = []
    for n in range(15):
        started = time.perf_counter()
        await create(front, external_id=f"u{n % 3}", name="Same")
        took.append(time.perf_counter() - started)
    assert sorted(took)[len(took) // 2] < 0.1


async def test_what_another_copy_of_the_service_settles_is_seen_too(front: Front) -> None:
    front.resolver.elsewhere = True
    started = time.perf_counter()
    await create(front, external_id="u1")
    assert time.perf_counter() - started < 1


async def test_every_key_of_a_contact_is_there(front: Front) -> None:
    contact = await create(front, email="Ada@Example.com")
    assert set(contact) == {
        "id", "object", "kind", "external_id", "name", "email", "phone", "company", "emails",
        "phones", "said", "stripe_accounts", "custom_attributes", "unregistered_attributes",
        "tags", "overflow", "audience", "verified", "tier_mismatch", "channels", "conversations",
        "crm", "merged_ids", "created_at", "updated_at", "last_seen_at", "version",
    }  # fmt: skip
    assert contact["email"] == "Ada@Example.com"


async def test_a_write_that_stays_invisible_gives_an_address_to_follow(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.resolver.paused = True
    hurried = front.state.settings.model_copy(update={"settle_seconds": 0.05})
    monkeypatch.setattr(front.state, "settings", hurried)
    answer = await front.api.post("/v1/contacts", json={"external_id": "u1"})
    assert answer.status_code == 202
    status = answer.json()["status_url"]
    assert answer.headers["location"] == status
    assert (await front.api.get(status)).status_code == 202
    front.resolver.paused = False
    for _ in range(500):
        end = await front.api.get(status)
        if end.status_code != 202:
            break
        await asyncio.sleep(0.01)
    assert (end.status_code, end.json()["external_id"]) == (201, "u1")


async def test_an_edit_against_a_stale_version_is_refused(front: Front) -> None:
    contact = await create(front, external_id="u1", name="Before")
    path, stale = f"/v1/contacts/{contact['id']}", {"If-Match": f'"{contact["version"]}"'}
    assert (await front.api.patch(path, json={"name": "After"}, headers=stale)).is_success
    refused = await front.api.patch(path, json={"name": "Lost"}, headers=stale)
    problem(refused, 412, "version-conflict")
    problem(
        await front.api.patch(path, json={}, headers={"If-Match": "abc"}), 412, "version-conflict"
    )
    assert (await front.api.get(path)).json()["name"] == "After"


async def test_an_edit_sends_what_was_sent_and_nothing_else(front: Front) -> None:
    contact = await create(front, external_id="u1")
    body = {
        "name": None, "email": "new@example.com", "add_tags": ["vip"], "audience": "growth",
        "custom_attributes": {"plan": None},
    }  # fmt: skip
    edited = await front.api.patch(f"/v1/contacts/{contact['id']}", json=body)
    assert edited.json()["tags"] == ["vip"]
    [command] = await front.emitted(EditContact)
    assert command.fields == {
        "name": None,
        "email": {"key": "new@example.com", "given": "new@example.com"},
        "audience": "growth",
        "attr.plan": None,
    }
    assert (command.add_tags, command.replace_tags) == (("vip",), None)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        pytest.param({"email": "nowhere"}, "/email", "invalid", id="e-mail"),
        pytest.param({"external_id": "u", "phone": "12"}, "/phone", "invalid", id="phone"),
        pytest.param({"external_id": "u", "nmae": "x"}, "/nmae", "invalid", id="unknown field"),
        pytest.param({"external_id": "u", "name": "\0"}, "/name", "invalid", id="NUL"),
        pytest.param({"external_id": "u", "name": 1}, "/name", "invalid", id="wrong type"),
        pytest.param({"external_id": ""}, "/external_id", "invalid", id="empty id"),
        pytest.param({"external_id": "null"}, "/external_id", "invalid", id="a placeholder"),
        pytest.param({"name": "Ada"}, "/external_id", "invalid", id="nothing to know it by"),
        pytest.param(
            {"external_id": "u", "tags": [str(n) for n in range(51)]}, "/tags", "limit", id="tags"
        ),
        pytest.param(
            {"external_id": "u", "custom_attributes": {"a/b": {}}},
            "/custom_attributes/a~1b",
            "invalid",
            id="attribute",
        ),
        pytest.param(
            {"external_id": "u", "audience": "vip"}, "/audience", "invalid", id="audience"
        ),
        pytest.param(
            {"external_id": "u", "stripe_accounts": [{"label": "x"}]},
            "/stripe_accounts/0/stripe_id",
            "invalid",
            id="Stripe account",
        ),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_kept(
    front: Front, body: dict[str, Any], field: str, code: str
) -> None:
    answer = await front.api.post("/v1/contacts", json=body)
    assert [e["field"] for e in problem(answer, 422, code)["errors"]] == [field]
    assert await front.emitted(ObserveRecord) == []


async def test_a_placeholder_is_kept_as_given_and_links_nothing(front: Front) -> None:
    await create(front, external_id="u1", email="test@test.com", phone="0800 3301000")
    [command] = await front.emitted(ObserveRecord)
    assert [(i.type, i.key) for i in command.observation.identifiers] == [
        ("user", "u1"), ("email", None), ("phone", None),
    ]  # fmt: skip


async def test_numbers_are_read_by_the_agent_s_region(front: Front) -> None:
    await create(front, phone="0151 12345678")
    [command] = await front.emitted(ObserveRecord)
    [phone] = command.observation.identifiers
    assert (phone.key, phone.given, phone.proof) == ("+4915112345678", "0151 12345678", "asserted")


async def test_a_batch_answers_for_each_row(front: Front) -> None:
    rows = [{"external_id": "u1"}, {"external_id": ""}, 7, {"email": "a@example.com"}]
    answer = (await front.api.post("/v1/contacts/batch", json={"contacts": rows})).json()
    assert [r["status"] for r in answer["results"]] == ["created", "failed", "failed", "created"]
    assert (answer["created"], answer["failed"]) == (2, 2)
    many = [{"external_id": str(n)} for n in range(1001)]
    problem(await front.api.post("/v1/contacts/batch", json=many), 413, "too-large")


async def test_the_same_key_gives_the_same_answer_and_does_nothing_again(front: Front) -> None:
    once, body = {"Idempotency-Key": "k1"}, {"email": "ada@example.com"}
    first = await front.api.post("/v1/contacts", json=body, headers=once)
    again = await front.api.post("/v1/contacts", json=body, headers=once)
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(await front.emitted(ObserveRecord)) == 1
    other = await front.api.post("/v1/contacts", json={"email": "b@example.com"}, headers=once)
    problem(other, 422, "idempotency-key-reused")
    foreign = await front.second.post("/v1/contacts", json=body, headers=once)
    assert foreign.json()["id"] != first.json()["id"]


async def test_a_refusal_is_repeated_too(front: Front) -> None:
    once = {"Idempotency-Key": "k1"}
    first = await front.api.post("/v1/contacts", json={"email": "no"}, headers=once)
    again = await front.api.post("/v1/contacts", json={"email": "no"}, headers=once)
    assert problem(again, 422, "invalid") == first.json()


async def test_calls_of_one_key_at_the_same_time_do_it_once(front: Front) -> None:
    once, body = {"Idempotency-Key": "k1"}, {"email": "ada@example.com"}
    answers = await asyncio.gather(
        *(front.api.post("/v1/contacts", json=body, headers=once) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len(await front.emitted(ObserveRecord)) == 1


async def test_two_rows_without_external_id_are_two_records(front: Front) -> None:
    first = await create(front, email="a@example.com")
    second = await create(front, email="a@example.com")
    assert first["id"] != second["id"]


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


async def test_the_list_gives_pages_fields_and_cursors(front: Front) -> None:
    for n in range(5):
        await create(front, external_id=f"u{n}", name=f"Name {n}")
    first = (await front.api.get("/v1/contacts?sort=name&limit=2&fields=id,name")).json()
    assert [c["name"] for c in first["data"]] == ["Name 0", "Name 1"]
    assert set(first["data"][0]) == {"id", "name"}
    assert first["prev_cursor"] is None
    onward = f"/v1/contacts?sort=name&limit=2&cursor={first['next_cursor']}"
    second = (await front.api.get(onward)).json()
    assert [c["name"] for c in second["data"]] == ["Name 2", "Name 3"]
    back = f"/v1/contacts?sort=name&limit=2&cursor={second['prev_cursor']}"
    returned = (await front.api.get(back)).json()
    assert [c["name"] for c in returned["data"]] == ["Name 0", "Name 1"]
    assert returned["prev_cursor"] is None
    elsewhere = f"/v1/contacts?sort=email&limit=2&cursor={first['next_cursor']}"
    problem(await front.api.get(elsewhere), 422, "invalid")


@pytest.mark.parametrize(
    "query",
    ["colour=red", "sort=-shoe_size", "limit=201", "cursor=mine", "kind=alien", "q=a",
     "fields=shoe", "verified=yes", "created_after=soon", "email=nobody", "limit=²"],
)  # fmt: skip
async def test_what_the_list_does_not_know_is_an_error(front: Front, query: str) -> None:
    answer = await front.api.get(f"/v1/contacts?{query}")
    [error] = problem(answer, 422, "invalid")["errors"]
    assert error["field"] == query.partition("=")[0]


async def test_another_space_looks_exactly_like_nothing(front: Front) -> None:
    contact = await create(front, external_id="u1")
    foreign = await front.second.get(f"/v1/contacts/{contact['id']}")
    absent = await front.second.get("/v1/contacts/contact_" + "a" * 26)
    bodies = [{**answer.json(), "request_id": ""} for answer in (foreign, absent)]
    assert foreign.status_code == absent.status_code == 404
    assert bodies[0] == bodies[1]
