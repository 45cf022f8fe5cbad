"""The internal door: why contacts are one, why two are not, and what a fact carries."""

from contact_schema.commands import SeparateRecords, Side
from tests.merge_resolver.door import ADA, Door, three_in_a_row
from tests.merge_resolver.engine import (
    SPACE,
    TEAM,
    at,
    link,
    row,
    separate_merge,
    told,
)


async def test_only_the_service_token_opens_it(door: Door) -> None:
    path = f"/contacts/contact_a/why?space={SPACE}"
    answer = await door.client.get(path, headers={"Authorization": "Bearer ak_somebody"})
    assert answer.status_code == 401


async def test_why_is_the_path_of_what_they_share_with_its_weakest_link(door: Door) -> None:
    await three_in_a_row(door)
    found = await door.get("/contacts/contact_a/why", other="contact_c")
    assert found["one"] is True
    assert [(hop["from"], hop["identifier"], hop["to"], hop["rank"]) for hop in found["path"]] == [
        ("contact_a", f"email:{ADA}", "contact_b", 7),
        ("contact_b", "slack:T1:U1", "contact_c", 3),
    ]
    assert found["weakest"] == found["path"][0]
    assert (found["weakest"]["proof"], found["weakest"]["source"]) == ("typed", "typed")
    [without] = found["without"]
    assert without["fact_id"] == found["weakest"]["fact_id"]
    assert without["parts"] == [["contact_a"], ["contact_b", "contact_c"]]


async def test_what_would_come_apart_without_a_fact_is_asked_of_any_fact(door: Door) -> None:
    await three_in_a_row(door)
    whole = await door.get("/contacts/contact_a/why")
    facts = [hop["fact_id"] for hop in whole["path"]]
    found = await door.get("/contacts/contact_a/why", without=[*facts, "fact_none"])
    assert [one["parts"] for one in found["without"]] == [
        [["contact_a"], ["contact_c"]],
        [["contact_a", "contact_b"]],
        [["contact_a", "contact_b", "contact_c"]],
    ]


async def test_why_not_is_every_refusal_with_its_reason(door: Door) -> None:
    phone = told("phone", "+4930111111", "asserted")
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted"), phone),
        row("contact_b", 1, told("email", "bob@example.com", "asserted"), phone),
    )
    found = await door.get("/contacts/contact_a/why", other="contact_b")
    assert found["one"] is False
    [refusal] = found["refusals"]
    assert (refusal["code"], refusal["identifier"]) == ("different-emails", "phone:+4930111111")


async def test_a_separation_is_named_where_it_keeps_them_apart(door: Door) -> None:
    await three_in_a_row(door)
    cut = SeparateRecords(
        space=SPACE,
        command="cmd_cut",
        actor=TEAM,
        at=at(3),
        fact="fact_cut",
        sides=(Side(records=("contact_a",)), Side(records=("contact_b", "contact_c"))),
    )
    await door.take(cut)
    found = await door.get("/contacts/contact_b/why", other="contact_a")
    assert {one["decision_id"] for one in found["refusals"]} == {"fact_cut"}
    preview = await door.preview("merge", link("contact_b", "contact_a", 4))
    assert preview["blocked_by"] == [{"code": "separated", "decision_id": "fact_cut"}]
    assert preview["snapshot"]["contact"] == "contact_a"


async def test_two_that_share_nothing_have_nothing_for_and_nothing_against(door: Door) -> None:
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted")),
        row("contact_b", 1, told("email", "bob@example.com", "asserted")),
    )
    found = await door.get("/contacts/contact_a/why", other="contact_b")
    assert (found["one"], found["path"], found["refusals"]) == (False, [], [])


async def test_what_is_not_there_is_not_found_and_a_wrong_other_is_named(door: Door) -> None:
    await three_in_a_row(door)
    answer = await door.client.get("/contacts/contact_none/why", params={"space": SPACE})
    assert answer.status_code == 404
    order = separate_merge("merge_none", 5).model_dump(mode="json")
    assert (await door.client.post("/previews/separation", json=order)).status_code == 404
    about = {"space": SPACE, "other": "contact_none"}
    answer = await door.client.get("/contacts/contact_a/why", params=about)
    assert answer.json()["errors"][0]["field"] == "other"
