"""A chain of merges, undone in any order: each person has exactly what was his, as the API says."""

import random
from typing import Any

import pytest

from contacts_api import handlers
from service_kit.testing import received
from tests.contacts_api.front import Front, create
from tests.contacts_api.messages import event

PEOPLE = 6
MOVES = {"version", "updated_at"}


@pytest.fixture
async def front(real_front: Front) -> Front:
    return real_front


async def _meet(front: Front, number: int, dice: random.Random) -> str:
    contact = await create(
        front,
        external_id=f"u{number}",
        name=f"Person {number}",
        email=f"p{number}@example.com",
        tags=dice.sample(("vip", "late", "new", f"only{number}"), 2),
        custom_attributes={"seats": number, f"own{number}": dice.random()},
        **dice.choice(({}, {"company": "Engines"}, {"phone": f"+49301234{number}00"})),
    )
    name = str(contact["id"])
    await front.api.post(f"/v1/contacts/{name}/notes", json={"text": f"Of {number}"})
    said = [
        event(name, minute, space=front.space, conversation=f"c{name}")
        for minute in range(dice.randint(1, 3))
    ]
    async with front.state.transaction(front.space) as tx:
        await handlers.on_interactions([received(one) for one in said], tx)
    return name


async def _all_of(front: Front, contact: str) -> dict[str, Any]:
    path = f"/v1/contacts/{contact}"
    seen = (await front.api.get(path)).json()
    return {
        "contact": {name: value for name, value in seen.items() if name not in MOVES},
        "timeline": [
            (entry["type"], entry["at"], entry.get("text"))
            for entry in (await front.api.get(f"{path}/timeline")).json()["data"]
            if entry["type"] == "message"
        ],
        "notes": [note["text"] for note in (await front.api.get(f"{path}/notes")).json()["data"]],
    }


@pytest.mark.parametrize("seed", range(3))
async def test_five_merges_undone_in_any_order_leave_six_people_as_they_were(
    front: Front, seed: int
) -> None:
    dice = random.Random(seed)
    people = [await _meet(front, number, dice) for number in range(PEOPLE)]
    before = {one: await _all_of(front, one) for one in people}
    assert all(one["timeline"] for one in before.values())
    merges, survivor = [], people[0]
    for other in people[1:]:
        body = {"into": survivor, "survivor": dice.choice((survivor, other))}
        done = await front.api.post(f"/v1/contacts/{other}/merge", json=body)
        assert done.is_success, done.text
        merges.append(done.json()["merge_id"])
        survivor = done.json()["contact"]["id"]
    together = await _all_of(front, survivor)
    assert len(together["notes"]) == PEOPLE
    assert len(together["timeline"]) == sum(len(one["timeline"]) for one in before.values())
    for merge in dice.sample(merges, len(merges)):
        undone = await front.api.post(f"/v1/merges/{merge}/undo", json={})
        assert undone.is_success, undone.text
    assert {one: await _all_of(front, one) for one in people} == before
