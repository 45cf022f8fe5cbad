"""Stories of visitors: what the events of a widget and of channels become."""

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


def test_an_anonymous_visitor_becomes_a_lead_and_then_a_verified_customer(doors: Doors) -> None:
    visitor, user = Visitor.arrives(), unique("user")
    email = f"{user}@example.com"

    doors.accept(visitor.looks(), visitor.says("Do you ship to Norway?"))
    anonymous = doors.find_one(conversation_id=visitor.conversation)
    assert anonymous["kind"] == "anonymous"
    assert doors.find(conversation_id=visitor.conversation, kind="lead") == []

    doors.accept(visitor.leaves_details(name="Ada Lovelace", email=email.upper()))
    lead = doors.find_one(email=email, kind="lead")
    assert (lead["name"], lead["email"]) == ("Ada Lovelace", email.upper())

    doors.accept(
        visitor.identifies(user, doors.sign(user), name="Ada King", seats=7),
        visitor.says("I have signed in"),
    )
    customer = doors.find_one(
        external_id=user, verified="true", conversation_id=visitor.conversation
    )
    assert customer["kind"] == "customer"
    assert customer["verified"]["user_id"] == user
    assert customer["name"] == "Ada King"
    assert customer["custom_attributes"] == {"seats": 7}
    eventually(
        lambda: {lead["id"], anonymous["id"]} <= everyone_known(doors, user),
        "the lead and the visitor in the customer",
    )


def everyone_known(doors: Doors, user: str) -> set[str]:
    customer = doors.find_one(external_id=user)
    return {customer["id"], *customer["merged_ids"]}


def test_the_agent_sees_the_contact_in_a_verified_conversation_only(doors: Doors) -> None:
    visitor, user = Visitor.arrives(), unique("user")
    email = f"{user}@example.com"
    doors.create(external_id=user, email=email, name="Grace Hopper")
    context = f"/v1/conversations/{visitor.conversation}/contact"

    doors.accept(visitor.leaves_details(email=email), visitor.says("It is me"))
    assert doors.find_one(conversation_id=visitor.conversation)["external_id"] == user
    assert doors.api.get(context).json() == {"verified": False}

    doors.accept(visitor.identifies(user, doors.sign(user)), visitor.says("Now it is"))
    seen = eventually(
        lambda: (a := doors.api.get(context).json())["verified"] and a,
        "the contact of a verified conversation",
    )
    assert seen["contact"]["name"] == "Grace Hopper"
    assert set(seen["contact"]).isdisjoint({"said", "merged_ids", "crm", "conversations"})

    doors.accept(visitor.logs_out(), visitor.says("Somebody else sits here now"))
    eventually(
        lambda: doors.api.get(context).json() == {"verified": False}, "no contact after logging out"
    )


def test_a_forged_signature_reads_and_changes_nothing(doors: Doors) -> None:
    visitor, user = Visitor.arrives(), unique("user")
    doors.create(external_id=user, name="Real Name")
    forged = visitor.identifies(user, "0" * 64, name="Forged", email=f"{user}@example.com")

    doors.accept(forged, visitor.says("Tell me my orders"))

    stranger = doors.find_one(conversation_id=visitor.conversation)
    assert stranger["kind"] == "anonymous"
    assert stranger["external_id"] is None
    owner = doors.find_one(external_id=user)
    assert (owner["name"], owner["email"], owner["verified"]) == ("Real Name", None, None)
    assert doors.api.get(f"/v1/conversations/{visitor.conversation}/contact").json() == {
        "verified": False
    }


def test_one_person_on_three_channels_is_one_contact_with_one_timeline(doors: Doors) -> None:
    name = unique("ada")
    email, phone = f"{name}@example.com", unique_phone()
    visitor = Visitor.arrives()
    doors.accept(
        visitor.leaves_details(email=f"{name}+shop@example.com", phone=phone),
        from_channel("email", email, "By mail", sender={"dmarc": "pass"}),
        from_channel("whatsapp", phone.removeprefix("+"), "By WhatsApp"),
    )
    contact = eventually(
        lambda: next((c for c in doors.find(email=email) if len(c["channels"]) == 3), None),
        "widget, e-mail and WhatsApp in one contact",
    )
    assert {channel["channel"] for channel in contact["channels"]} == {
        "widget",
        "email",
        "whatsapp",
    }
    timeline = doors.api.get(f"/v1/contacts/{contact['id']}/timeline", params={"type": "message"})
    assert {entry["text"] for entry in timeline.json()["data"]} == {"By mail", "By WhatsApp"}


def test_two_accounts_on_one_browser_stay_two_people(doors: Doors) -> None:
    visitor, first, second = Visitor.arrives(), unique("user"), unique("user")
    doors.accept(
        visitor.identifies(first, doors.sign(first)),
        visitor.says("First"),
        visitor.logs_out(),
        visitor.identifies(second, doors.sign(second)),
        visitor.says("Second"),
    )
    one, two = doors.find_one(external_id=first), doors.find_one(external_id=second)
    assert one["id"] != two["id"]
    assert one["merged_ids"] == [] or two["id"] not in one["merged_ids"]


def test_duplicates_and_late_events_change_nothing_twice(doors: Doors) -> None:
    visitor = Visitor.arrives()
    message, late = visitor.says("Once"), in_the_past(visitor.says("Earlier"), hours=5)
    doors.accept(message)
    assert doors.send(message, late, late) == {"accepted": 1, "duplicates": 2, "rejected": []}

    contact = doors.find_one(conversation_id=visitor.conversation)

    def texts() -> list[str] | None:
        answer = doors.api.get(f"/v1/contacts/{contact['id']}/timeline")
        entries = [entry["text"] for entry in answer.json()["data"] if entry["type"] == "message"]
        return entries if len(entries) >= 2 else None

    assert eventually(texts, "both messages") == ["Once", "Earlier"]
    assert contact["conversations"]["count"] == 1


def test_a_bad_event_never_sinks_its_neighbours(doors: Doors) -> None:
    visitor = Visitor.arrives()
    good = [visitor.says("before"), visitor.says("after")]
    bad = [
        {**visitor.says("x"), "type": "massage"},
        {**visitor.says("x"), "occurred_at": "yesterday"},
        {**visitor.says("nul \x00 inside")},
        {**visitor.says("x"), "event_id": ""},
    ]
    answer = doors.send(good[0], *bad, good[1])
    assert answer["accepted"] == 2
    assert [(row["index"], row["field"]) for row in answer["rejected"]] == [
        (1, "/type"),
        (2, "/occurred_at"),
        (3, "/text"),
        (4, "/event_id"),
    ]


def test_the_widget_door_says_nothing_about_any_contact(doors: Doors) -> None:
    visitor, user = Visitor.arrives(), unique("user")
    events = [visitor.identifies(user, doors.sign(user), name="Wid Get"), visitor.says("Hello")]
    answer = httpx.post(f"{doors.ingest.base_url}{doors.widget_path}", json=events)
    assert (answer.status_code, answer.json()) == (httpx.codes.ACCEPTED, {})
    assert doors.find_one(external_id=user)["name"] == "Wid Get"
