"""Lists in order of time: walked on and back, and the one thread of all that happened."""

from typing import Any

import pytest

from contacts_api import handlers
from service_kit.testing import received
from tests.contacts_api.front import Front, create, problem
from tests.contacts_api.messages import event


async def walk(front: Front, path: str, limit: int) -> list[list[str]]:
    """The ids of each page on the way to the end, and then of each on the way back."""
    pages: list[list[str]] = []
    glue = "&" if "?" in path else "?"
    answer = (await front.api.get(f"{path}{glue}limit={limit}")).json()
    assert answer["prev_cursor"] is None
    for way in ("next_cursor", "prev_cursor"):
        pages += [[row["id"] for row in answer["data"]]] if way == "next_cursor" else []
        while cursor := answer[way]:
            answer = (await front.api.get(f"{path}{glue}limit={limit}&cursor={cursor}")).json()
            pages.append([row["id"] for row in answer["data"]])
    return pages


async def a_list(front: Front, of: str) -> str:
    """An address whose list has five entries."""
    contact = await create(front, external_id="u1")
    path = f"/v1/contacts/{contact['id']}"
    if of in {"notes", "timeline?type=note", "timeline?type=note&order=asc"}:
        for number in range(5):
            await front.api.post(f"{path}/notes", json={"text": str(number)})
        return f"{path}/{of}"
    others = [await create(front, external_id=f"o{number}") for number in range(5)]
    if of == "audit":
        for _ in range(5):
            await front.api.post(f"{path}/crm/resync")
        return f"/v1/audit?contact={contact['id']}&action=contact.resync_ordered"
    for other in others:
        if of == "erasures":
            await front.api.delete(f"/v1/contacts/{other['id']}?grace_days=0")
        else:
            await front.api.post(f"/v1/contacts/{other['id']}/merge", json={"into": contact["id"]})
    return "/v1/erasures" if of == "erasures" else f"{path}/{of}"


@pytest.mark.parametrize(
    "of",
    [
        "notes", "merges", "erasures", "audit", "timeline?type=note", "timeline?type=merged",
        "timeline?type=note&order=asc",
    ],
)  # fmt: skip
async def test_each_list_is_walked_to_its_end_and_back(front: Front, of: str) -> None:
    path = await a_list(front, of)
    whole = [row["id"] for row in (await front.api.get(path)).json()["data"]]
    assert len(whole) == len(set(whole)) == 5
    first, second, third, back_second, back_first = await walk(front, path, 2)
    assert first + second + third == whole
    assert (back_second, back_first) == (second, first)


async def test_the_timeline_holds_notes_and_merges_among_the_events(front: Front) -> None:
    left = await create(front, external_id="l")
    right = await create(front, external_id="r")
    path = f"/v1/contacts/{right['id']}"
    here: dict[str, Any] = {"space": front.space, "agent": front.agent}
    async with front.state.transaction(front.space) as tx:
        await handlers.on_interactions([received(event(right["id"], minute=1, **here))], tx)
    await front.api.post(f"{path}/notes", json={"text": "Call"})
    before = (await front.api.get(f"{path}/timeline")).json()
    newest = before["data"][0]
    assert (newest["type"], newest["text"]) == ("note", "Call")

    merge = {"into": right["id"], "survivor": right["id"]}
    merged = (await front.api.post(f"/v1/contacts/{left['id']}/merge", json=merge)).json()
    entries = (await front.api.get(f"{path}/timeline?order=asc")).json()["data"]
    assert [e["type"] for e in entries] == ["message", "note", "merged"]
    assert entries[-1]["detail"] == {
        "merge_id": merged["merge_id"],
        "into": right["id"],
        "from": [left["id"]],
        "cause": "operator",
    }
    for query, types in (
        ("type=note", ["note"]),
        ("type=merged&type=message", ["message", "merged"]),
        ("type=task", []),
        ("channel=widget", ["message"]),
        ("conversation_id=c1", ["message"]),
    ):
        answer = await front.api.get(f"{path}/timeline?order=asc&{query}")
        assert [e["type"] for e in answer.json()["data"]] == types, query

    await front.api.post(f"/v1/merges/{merged['merge_id']}/undo")
    assert (await front.api.get(f"{path}/timeline")).json() == before
    for contact in (left["id"], right["id"]):
        asked = f"/v1/contacts/{contact}/timeline?type=merged&type=split"
        shown = (await front.api.get(asked)).json()["data"]
        assert [e["type"] for e in shown] == ["split", "merged"]
    problem(await front.api.get(f"{path}/timeline?type=dance"), 422, "invalid")
