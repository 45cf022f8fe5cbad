"""Merges that evidence made, and how they are undone from outside."""

from datetime import timedelta
from typing import Any

from contact_schema.changes import ContactsHeld, ContactsReleased
from contact_schema.commands import SeparateRecords
from tests.contacts_api.front import Front, create, problem

FACT = {"rank": 7, "identifier": "email", "proof": "typed", "fact": "fact_1"}


async def two(front: Front) -> tuple[str, str]:
    left = await create(front, external_id="u1", name="Ada", email="ada@example.com")
    right = await create(front, email="work@example.com", name="A. Lovelace")
    return left["id"], right["id"]


async def joined(front: Front, **more: Any) -> tuple[str, str, str]:
    left, right = await two(front)
    merge = f"merge_{left[-8:]}"
    await front.resolver.join(front.space, merge, left, right, evidence=FACT, **more)
    return merge, left, right


async def test_a_merge_that_evidence_made_can_be_undone_for_thirty_days(front: Front) -> None:
    merge, left, right = await joined(front)
    [entry] = (await front.api.get(f"/v1/contacts/{left}/merges")).json()["data"]
    assert (entry["cause"], entry["evidence"], entry["by"]) == ("evidence", FACT, None)
    assert entry["undoable_until"] > entry["at"]
    undone = await front.api.post(f"/v1/merges/{merge}/undo")
    assert {one["id"] for one in undone.json()["contacts"]} == {left, right}
    [entry] = (await front.api.get(f"/v1/contacts/{left}/merges")).json()["data"]
    assert entry["undone_at"] is not None
    again = await front.api.post(f"/v1/merges/{merge}/undo")
    assert {one["id"] for one in again.json()["contacts"]} == {left, right}


async def test_an_undo_says_who_keeps_what_both_share(front: Front) -> None:
    merge, _, right = await joined(front)
    owners = {"email:Ada+News@Example.com": right, "external_id:u1": right}
    answer = await front.api.post(f"/v1/merges/{merge}/undo", json={"owners": owners})
    assert answer.status_code == 200
    [command] = await front.emitted(SeparateRecords)
    assert command.merge == merge
    assert [(one.type, one.key, one.contact) for one in command.owners] == [
        ("email", "ada@example.com", right),
        ("user", "u1", right),
    ]


async def test_owners_that_are_no_identifiers_are_refused_without_repeating_them(
    front: Front,
) -> None:
    merge, left, _ = await joined(front)
    wrong: list[Any] = [
        {"email:nonsense": left},
        {"pet:rex": left},
        {"email:a@example.com": 1},
        "x",
    ]
    for owners in wrong:
        answer = await front.api.post(f"/v1/merges/{merge}/undo", json={"owners": owners})
        assert "nonsense" not in answer.text
        assert problem(answer, 422, "invalid")["errors"][0]["field"] == "/owners"


async def test_after_thirty_days_a_merge_stays(front: Front) -> None:
    merge, _, _ = await joined(front, at=front.state.now() - timedelta(days=31))
    problem(await front.api.post(f"/v1/merges/{merge}/undo"), 409, "too-late")


async def test_one_undo_may_take_back_several_merges(front: Front) -> None:
    first, left, right = await joined(front)
    await front.resolver.join(front.space, f"{first}b", left, right)
    front.resolver.undone_too = (f"{first}b",)
    await front.api.post(f"/v1/merges/{first}/undo")
    entries = (await front.api.get(f"/v1/contacts/{left}/merges")).json()["data"]
    assert [entry["undone_at"] is None for entry in entries] == [False, False]


async def test_what_is_held_back_is_shown_to_operators_until_it_is_released(front: Front) -> None:
    now = front.state.now()
    held = ContactsHeld(
        space=front.space, hold="hold_1", reason="many-contacts", fact="f", contacts=41, at=now
    )
    await front.resolver.tell(held)
    [shown] = (await front.api.get("/v1/ops/lag")).json()["holds"]
    assert (shown["id"], shown["reason"], shown["contacts"]) == ("hold_1", "many-contacts", 41)
    assert (await front.second.get("/v1/ops/lag")).json()["holds"] == []
    await front.resolver.tell(ContactsReleased(space=front.space, hold="hold_1", at=now))
    assert (await front.api.get("/v1/ops/lag")).json()["holds"] == []
