"""The internal door: what an order or other rules would do, and that looking changes nothing."""

from typing import Any

import orjson
import pytest

from contact_schema.changes import ContactsMerged
from contact_schema.commands import (
    BlockIdentifier,
    Command,
    ReleaseIdentifier,
    RevokeProof,
    SideIdentifier,
)
from tests.merge_resolver.door import ADA, Door, three_in_a_row
from tests.merge_resolver.engine import (
    SPACE,
    all_of,
    event,
    link,
    ordered,
    row,
    separate_merge,
    told,
    verified,
)


async def test_a_merge_preview_is_what_the_merge_then_does(door: Door) -> None:
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted"), fields={"name": "Ada", "company": "X"}),
        verified("contact_b", 1, "u1", fields={"name": "A. Lovelace"}),
        row("contact_c", 2, told("slack", "T1:U1", "proven"), fields={"attr.seats": 3}),
    )
    order = link("contact_a", "contact_b", 3, survivor="contact_a")
    preview = await door.preview("merge", order)
    assert preview["fields"]["name"] == {
        "left": "Ada",
        "right": "A. Lovelace",
        "result": "Ada",
        "why": "stronger-source",
    }
    assert preview["fields"]["company"]["why"] == "only-one"
    assert (preview["blocked_by"], preview["will_also"]) == ([], [])
    before = await _snapshots(door)
    assert preview["snapshot"] not in before
    await door.take(order)
    assert preview["snapshot"] in await _snapshots(door)


async def test_a_preview_names_the_others_that_a_merge_would_bring_along(door: Door) -> None:
    """Two accounts typed one address: each merge of the two makes it link again."""
    address = told("email", ADA, "asserted")
    await door.take(
        verified("contact_a", 0, "u1"),
        verified("contact_b", 1, "u2"),
        row("contact_a", 2, address),
        row("contact_b", 3, address),
        row("contact_c", 4, address),
    )
    before = len(await _snapshots(door))
    order = link("contact_a", "contact_b", 5)
    preview = await door.preview("merge", order)
    await door.take(order)
    assert len(await _snapshots(door)) == before - 1 - len(preview["will_also"])


async def test_an_undo_preview_is_what_the_undo_then_does(door: Door) -> None:
    await three_in_a_row(door)
    sent = await door.take(row("contact_d", 3, told("email", "d@example.com", "asserted")))
    sent = await door.take(event("contact_d", 4, told("email", ADA)))
    [merged] = all_of(sent, ContactsMerged)
    before = await _snapshots(door)
    order = separate_merge(merged.merge, 5)
    preview = await door.preview("separation", order)
    assert preview["shared"] == [{"identifier": f"email:{ADA}", "owner": "contact_a"}]
    assert await _snapshots(door) == before
    await door.take(order)
    after = await _snapshots(door)
    assert [one["contact"] for one in preview["contacts"]] == ["contact_a", "contact_d"]
    assert all(one in after for one in preview["contacts"])


SLACK = SideIdentifier(type="slack", key="T1:U1")
ABOUT: dict[str, Command] = {
    "block": ordered(BlockIdentifier, 5, fact="fact_about", identifier=SLACK),
    "release": ordered(ReleaseIdentifier, 2, fact="fact_about", identifier=SLACK),
    "revocation": ordered(RevokeProof, 5, fact="fact_about", contact="contact_a", users=("u1",)),
}


@pytest.mark.parametrize("kind", ABOUT)
async def test_a_preview_about_an_identifier_is_what_the_order_then_does(
    door: Door, kind: str
) -> None:
    """What held three together ends, or somebody is not proven any more."""
    await three_in_a_row(door)
    await door.take(verified("contact_b2", 3, "u1", unit="unit_contact_b"))
    before = await _snapshots(door)
    preview = await door.preview(kind, ABOUT[kind])
    assert await _snapshots(door) == before
    await door.take(ABOUT[kind])
    after = await _snapshots(door)
    assert preview["contacts"] == [one for one in after if one not in before] != []
    parts = sorted(one["contact"] for one in after)
    whole = before[0]["contact"]
    assert preview["splits"] == ([] if kind == "revocation" else [[whole, *parts]])
    assert preview["blocked_by"] == []


async def test_a_preview_of_what_would_be_refused_says_why(door: Door) -> None:
    order = ordered(RevokeProof, 2, fact="fact_about", contact="contact_none", users=("u1",))
    assert (await door.preview("revocation", order))["blocked_by"] == [{"code": "not-found"}]


async def test_other_rules_are_tried_on_all_contacts_and_change_none(door: Door) -> None:
    for one in range(3):
        address = told("email", f"p{one}@example.com")
        await door.take(
            event(f"contact_a{one}", one, address), event(f"contact_b{one}", 1, address)
        )
    before = await _snapshots(door)
    wanted = {"agent": "agent_1", "policies": {"typed_email": "suggest"}}
    answer = await door.client.post("/previews/policies", json=wanted)
    found = answer.json()
    assert [found[name] for name in ("contacts_now", "contacts_then", "merges", "splits")] == [
        3,
        6,
        0,
        3,
    ]
    assert found["split_examples"][0] == ["contact_a0", "contact_a0", "contact_b0"]
    assert await _snapshots(door) == before
    wrong = {"agent": "agent_1", "policies": {"typed_email": "never", "colour": 1}}
    refused = await door.client.post("/previews/policies", json=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "/policies/colour")


async def test_a_hold_is_listed_and_released_once(door: Door) -> None:
    sessions = [told("session", f"s{number}") for number in range(25)]
    await door.take(*(event(f"contact_{n:02}", n, one) for n, one in enumerate(sessions)))
    await door.take(event("contact_all", 30, *sessions))
    [held] = (await door.get("/holds"))["data"]
    assert held["reason"] == "many-contacts"
    path = f"/holds/{held['hold']}/release"
    assert (await door.client.post(path)).json()["released"] is True
    assert (await door.client.post(path)).json()["released"] is False
    assert (await door.get("/holds"))["data"] == []
    assert (await door.client.post("/holds/hold_none/release")).status_code == 404


async def _snapshots(door: Door) -> list[dict[str, Any]]:
    async with door.runtime.transaction([SPACE]) as tx:
        rows = await tx.connection.fetch(
            "SELECT snapshot::text AS snapshot FROM merge_resolver.contacts ORDER BY contact"
        )
    return [orjson.loads(one["snapshot"]) for one in rows]
