"""The API as its callers meet it: reads, writes, refusals."""

import asyncio
from typing import Any

import pytest

from contact_schema.commands import EditContact, ObserveRecord
from contacts_api import settlements
from tests.contacts_api.front import Front, create, problem


@pytest.fixture
def patient(front: Front, monkeypatch: pytest.MonkeyPatch) -> Front:
    """Calls wait for as long as a busy machine may need."""
    patience = front.state.settings.model_copy(update={"settle_seconds": 60.0})
    monkeypatch.setattr(front.state, "settings", patience)
    return front


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


async def test_a_write_that_settles_in_this_process_waits_for_no_poll(
    patient: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> list[str]:
        return []

    monkeypatch.setattr(settlements, "find_settled", nothing)
    answer = await patient.api.post("/v1/contacts", json={"external_id": "u1"})
    assert answer.status_code == 201


async def test_what_another_copy_of_the_service_settles_is_seen_too(patient: Front) -> None:
    patient.resolver.elsewhere = True
    answer = await patient.api.post("/v1/contacts", json={"external_id": "u1"})
    assert answer.status_code == 201


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
