"""Stories of back ends at the contacts API: how sure, how narrow."""

from typing import Any

import httpx

from tests.e2e.visitors import Doors, Visitor, eventually, from_channel, unique


def test_a_file_of_customers_is_there_when_its_call_answers(doors: Doors) -> None:
    company = unique("company")
    rows = [
        {"external_id": unique("user"), "company": company, "name": f"Person {n:03}"}
        for n in range(120)
    ]
    sent = doors.api.post("/v1/contacts/batch", json={"contacts": rows})
    assert (sent.json()["created"], sent.json()["failed"]) == (120, 0)

    names: list[str] = []
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        asked = {"q": company, "sort": "name", "limit": 50, "fields": "name", **cursor}
        page = doors.api.get("/v1/contacts", params=asked).json()
        names += [contact["name"] for contact in page["data"]]
    assert names == [row["name"] for row in rows]

    repeated = doors.api.post("/v1/contacts/batch", json={"contacts": rows})
    assert repeated.json()["unchanged"] == 120


def test_a_row_without_an_id_joins_the_person_it_speaks_of(doors: Doors) -> None:
    email = f"{unique('ada')}@example.com"
    known = doors.create(external_id=unique("user"), email=email)
    joined = doors.create(email=email.upper(), company="Analytical Engines")
    assert (joined["id"], joined["company"]) == (known["id"], "Analytical Engines")


def test_being_placed_under_a_contact_proves_nothing_in_a_conversation(doors: Doors) -> None:
    phone = "+4915112345670"
    user = doors.create(external_id=unique("user"), phone=phone, name="Grace")
    doors.accept(from_channel("sms", phone, "It is me", conversation="c-" + user["id"]))
    placed = doors.find_one(conversation_id="c-" + user["id"])
    assert placed["id"] == user["id"]
    context = doors.api.get(f"/v1/conversations/c-{user['id']}/contact")
    assert context.json() == {"verified": False}


def test_a_new_key_opens_what_it_was_given_and_nothing_after_it_is_revoked(doors: Doors) -> None:
    agent = doors.api.get("/v1/agents").json()["data"][0]["id"]
    keys = f"/v1/agents/{agent}/keys"
    made = doors.api.post(keys, json={"kind": "api", "scopes": ["events:write"]}).json()
    headers = {"Authorization": f"Bearer {made['key']}"}
    visitor = Visitor.arrives()

    def send() -> int:
        return doors.ingest.post("/v1/events", json=[visitor.looks()], headers=headers).status_code

    eventually(lambda: send() == httpx.codes.ACCEPTED, "the key known at the door of the events")
    assert doors.api.get("/v1/contacts", headers=headers).status_code == httpx.codes.FORBIDDEN
    assert doors.api.delete(f"{keys}/{made['id']}").status_code == httpx.codes.NO_CONTENT
    eventually(lambda: send() == httpx.codes.UNAUTHORIZED, "the key refused at both doors")
    assert made["key"] not in doors.api.get(keys).text


def test_secrets_and_connections_are_reached_through_the_one_door(doors: Doors) -> None:
    user = unique("user")
    wrong, right = "0" * 64, doors.sign(user)
    for user_hash, ok in ((right, True), (wrong, False)):
        asked = doors.api.post("/v1/identity/check", json={"user_id": user, "user_hash": user_hash})
        assert asked.json()["ok"] is ok
    secrets = doors.api.get("/v1/identity/secrets")
    assert secrets.json()["data"]
    assert doors.identity_secret not in secrets.text
    connections = doors.api.get("/v1/crm/connections")
    assert connections.status_code == httpx.codes.OK
    assert "access_token" not in connections.text


def test_who_did_what_stands_in_the_audit_without_a_word_of_it(doors: Doors) -> None:
    contact = doors.create(external_id=unique("user"), name="Not to be seen")
    path = f"/v1/contacts/{contact['id']}"
    doors.api.patch(path, json={"audience": "growth"})
    doors.api.post(f"{path}/notes", json={"text": "Neither this"})
    audit = doors.api.get("/v1/audit", params={"contact": contact["id"]})
    assert [entry["action"] for entry in audit.json()["data"]] == [
        "note.added",
        "contact.edited",
        "contact.written",
    ]
    assert "Not to be seen" not in audit.text
    assert "Neither this" not in audit.text
