"""Stories of people and back ends: writes are read back at once, merges come apart again, erased
is gone.
"""

from typing import Any

import httpx

from tests.e2e.visitors import (
    Doors,
    Visitor,
    eventually,
    from_channel,
    in_the_past,
    unique,
    unique_phone,
)

MOVES_BY_ITSELF = {"version", "updated_at", "crm"}


def still(contact: dict[str, Any]) -> dict[str, Any]:
    """The contact but for what every change moves, and for the CRM, which answers when it does."""
    return {key: value for key, value in contact.items() if key not in MOVES_BY_ITSELF}


def test_a_write_is_read_back_at_once_and_a_repeat_changes_nothing(doors: Doors) -> None:
    row = {
        "external_id": unique("user"),
        "name": "Alan Turing",
        "custom_attributes": {"plan": "pro"},
    }
    created = doors.api.post("/v1/contacts", json=row)
    assert created.status_code == httpx.codes.CREATED
    read = doors.contact(created.json()["id"])
    # What a CRM was told goes on by itself.
    assert {**read.json(), "crm": None} == {**created.json(), "crm": None}

    repeated = doors.api.post("/v1/contacts", json=row)
    assert repeated.status_code == httpx.codes.OK
    assert repeated.json()["version"] == created.json()["version"]


def test_a_stale_version_is_refused_and_nothing_is_changed(doors: Doors) -> None:
    contact = doors.create(external_id=unique("user"), name="Before")
    stale = contact["version"]
    path = f"/v1/contacts/{contact['id']}"
    changed = doors.api.patch(path, json={"name": "After"}, headers={"If-Match": f'"{stale}"'})
    assert changed.status_code == httpx.codes.OK
    refused = doors.api.patch(path, json={"name": "Lost"}, headers={"If-Match": f'"{stale}"'})
    assert refused.status_code == httpx.codes.PRECONDITION_FAILED
    assert refused.json()["code"] == "version-conflict"
    assert doors.contact(contact["id"]).json()["name"] == "After"


def test_a_batch_answers_for_each_row_and_keeps_the_good_ones(doors: Doors) -> None:
    rows = [
        {"external_id": unique("user"), "name": "One"},
        {"external_id": "", "name": "No id"},
        {"external_id": unique("user"), "nmae": "Misspelt"},
        {"external_id": unique("user"), "name": "Four", "email": "four@example.com"},
    ]
    answer = doors.api.post("/v1/contacts/batch", json={"contacts": rows}).json()
    assert (answer["created"], answer["failed"]) == (2, 2)
    fields = [row["problem"]["errors"][0]["field"] for row in answer["results"] if "problem" in row]
    assert fields == ["/external_id", "/nmae"]
    assert doors.find_one(external_id=rows[3]["external_id"])["name"] == "Four"


def test_a_merge_comes_apart_exactly(doors: Doors) -> None:
    left = doors.create(external_id=unique("user"), name="Left", tags=["vip"], company="L")
    right = doors.create(
        external_id=unique("user"), name="Right", tags=["late"], phone=unique_phone()
    )
    doors.api.post(f"/v1/contacts/{right['id']}/notes", json={"text": "Called on Monday"})

    merged = doors.api.post(f"/v1/contacts/{right['id']}/merge", json={"into": left["id"]})
    assert merged.status_code == httpx.codes.OK, merged.text
    survivor = merged.json()["contact"]
    assert set(survivor["tags"]) == {"vip", "late"}
    moved = doors.api.get(f"/v1/contacts/{right['id']}", follow_redirects=False)
    gone_into = next(i for i in (left["id"], right["id"]) if i != survivor["id"])
    redirect = doors.api.get(f"/v1/contacts/{gone_into}", follow_redirects=False)
    assert redirect.status_code == httpx.codes.TEMPORARY_REDIRECT, moved.text
    assert redirect.headers["location"].endswith(survivor["id"])

    undone = doors.api.post(f"/v1/merges/{merged.json()['merge_id']}/undo", json={})
    assert undone.status_code == httpx.codes.OK, undone.text
    assert still(doors.contact(left["id"]).json()) == still(left)
    assert still(doors.contact(right["id"]).json()) == still(right)
    notes = doors.api.get(f"/v1/contacts/{right['id']}/notes").json()["data"]
    assert [note["text"] for note in notes] == ["Called on Monday"]


def test_an_undone_merge_does_not_come_back_by_other_evidence(doors: Doors) -> None:
    email = f"{unique('shared')}@example.com"
    left = doors.create(external_id=unique("user"), email=email)
    right = doors.create(external_id=unique("user"), name="Other account")
    merge = doors.api.post(f"/v1/contacts/{right['id']}/merge", json={"into": left["id"]}).json()
    doors.api.patch(f"/v1/contacts/{left['id']}", json={"email": email})
    doors.api.post(f"/v1/merges/{merge['merge_id']}/undo", json={})
    assert {doors.contact(c["id"]).json()["id"] for c in (left, right)} == {left["id"], right["id"]}


def test_an_erased_person_is_gone_everywhere_and_a_later_visit_is_a_new_contact(
    doors: Doors,
) -> None:
    visitor, user = Visitor.arrives(), unique("user")
    email = f"{user}@example.com"
    doors.accept(visitor.says("Forget me"), visitor.identifies(user, doors.sign(user), email=email))
    doors.accept(from_channel("email", email, "And this", sender={"dmarc": "pass"}))
    contact = eventually(
        lambda: next((c for c in doors.find(external_id=user) if len(c["channels"]) == 2), None),
        "the person on both channels",
    )

    started = doors.api.delete(f"/v1/contacts/{contact['id']}")
    assert started.status_code == httpx.codes.ACCEPTED, started.text
    assert doors.contact(contact["id"]).status_code == httpx.codes.GONE
    erasure = f"/v1/erasures/{started.json()['id']}"
    done = eventually(
        lambda: (e := doors.api.get(erasure).json())["state"] == "erased" and e, "the erasure done"
    )
    receipts = {receipt["slice"]: receipt for receipt in done["receipts"]}
    assert set(receipts) == {
        "ingest",
        "identity_verify",
        "merge_resolver",
        "crm_sync",
        "gdpr_purge",
        "contacts_api",
    }
    assert {receipt["left"] for receipt in receipts.values()} == {0}
    assert receipts["merge_resolver"]["counts"]["facts"] > 0

    assert doors.find(email=email) == []
    assert doors.contact(contact["id"]).status_code == httpx.codes.GONE
    doors.accept(in_the_past(visitor.says("Sent before, arrived late"), hours=1))
    doors.accept(visitor.says("Hello again"))
    again = doors.find_one(conversation_id=visitor.conversation)
    assert again["id"] != contact["id"]
    timeline = doors.api.get(f"/v1/contacts/{again['id']}/timeline").json()["data"]
    assert [entry["text"] for entry in timeline] == ["Hello again"]


def test_another_space_looks_exactly_like_nothing(doors: Doors, second_agent: Doors) -> None:
    contact = doors.create(external_id=unique("user"), name="Only here")
    foreign, absent = (second_agent.contact(id_) for id_ in (contact["id"], "contact_" + "a" * 26))
    assert foreign.status_code == absent.status_code == httpx.codes.NOT_FOUND
    bodies = [{k: v for k, v in a.json().items() if k != "request_id"} for a in (foreign, absent)]
    assert bodies[0] == bodies[1]
