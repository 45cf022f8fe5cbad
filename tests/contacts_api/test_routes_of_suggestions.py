"""Possible duplicates: with reasons, best first, and never again once dismissed."""

from typing import Any

import pytest

from contacts_api.domain.suggestions import suggestions
from tests.contacts_api.front import Front, create, problem


@pytest.fixture
async def front(real_front: Front) -> Front:
    return real_front


async def suggested(front: Front, contact: str) -> list[dict[str, Any]]:
    answer = await front.api.get(f"/v1/contacts/{contact}/suggestions")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def codes(suggestion: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in suggestion["reasons"]]


async def listed(front: Front, wanted: str) -> set[str]:
    answer = await front.api.get(f"/v1/contacts?has_suggestions={wanted}")
    return {contact["id"] for contact in answer.json()["data"]}


async def two_with_one_phone(front: Front) -> tuple[str, str]:
    """An unproven number does not join two who each have an e-mail."""
    left = await create(front, email="ada@example.com", phone="+49 30 1234567", name="Ada")
    right = await create(front, email="bob@example.com", phone="+49 30 1234567", name="Bob")
    return left["id"], right["id"]


async def test_refused_evidence_is_suggested_from_both_sides(front: Front) -> None:
    left, right = await two_with_one_phone(front)
    [one], [two] = [await suggested(front, side) for side in (left, right)]
    assert (one["other"], two["other"]) == (right, left)
    assert one["id"] == two["id"]
    assert codes(one) == ["different-emails"]
    assert one["reasons"][0]["identifier"] == "phone:+49301234567"
    assert 0 < one["score"] <= 100
    alone = await create(front, email="c@example.com", phone="+49 30 7654321", name="Cem")
    assert (await listed(front, "true"), await listed(front, "false")) == (
        {left, right},
        {alone["id"]},
    )


async def test_the_same_name_with_a_company_or_the_same_mailbox_is_suggested(
    front: Front,
) -> None:
    ada = await create(front, email="ada@example.com", name="Ada Lovelace", company="Engines Ltd")
    same_company = await create(
        front, email="al@example.org", name="ADA LOVELACE", company="engines ltd"
    )
    same_mailbox = await create(front, email="ada@example.net", name="Ada Lovelace")
    await create(front, email="x@example.net", name="Ada Lovelace", company="Others")
    await create(front, email="y@example.net", company="Engines Ltd")
    found = {one["other"]: codes(one) for one in await suggested(front, ada["id"])}
    assert found == {
        same_company["id"]: ["same-name-and-company"],
        same_mailbox["id"]: ["same-name-and-local-part"],
    }
    assert await listed(front, "true") == {ada["id"], *found}


async def test_what_was_dismissed_stays_away_also_after_a_merge(front: Front) -> None:
    left, right = await two_with_one_phone(front)
    [one] = await suggested(front, left)
    path = f"/v1/contacts/{left}/suggestions/{one['id']}/dismiss"
    assert (await front.api.post(path)).status_code == 204
    assert await suggested(front, left) == await suggested(front, right) == []
    assert await listed(front, "true") == set()
    assert (await front.api.post(path)).status_code == 204
    third = await create(front, email="c@example.com", external_id="u3")
    body = {"into": third["id"], "survivor": third["id"]}
    await front.api.post(f"/v1/contacts/{left}/merge", json=body)
    assert await suggested(front, right) == []
    assert await listed(front, "true") == set()
    [entry] = (await front.api.get("/v1/audit?action=suggestion.dismissed")).json()["data"][:1]
    assert entry["contact"] in {left, right}


async def test_two_that_somebody_told_apart_are_not_suggested(front: Front) -> None:
    first = await create(front, email="ada@example.com", name="Ada", company="Engines")
    other = await create(front, email="al@example.com", name="Ada", company="Engines")
    assert len(await suggested(front, first["id"])) == 1
    body = {"into": other["id"]}
    merged = await front.api.post(f"/v1/contacts/{first['id']}/merge", json=body)
    survivor = merged.json()["contact"]["id"]
    await front.api.post(
        f"/v1/merges/{merged.json()['merge_id']}/undo",
        json={"owners": {"email:ada@example.com": survivor}},
    )
    assert await suggested(front, other["id"]) == []
    assert await listed(front, "true") == set()


async def test_a_suggestion_that_nobody_makes_is_not_found(front: Front) -> None:
    left, _ = await two_with_one_phone(front)
    answer = await front.api.post(f"/v1/contacts/{left}/suggestions/suggestion_x/dismiss")
    problem(answer, 404, "not-found")
    problem(await front.second.get(f"/v1/contacts/{left}/suggestions"), 404, "not-found")


def test_more_reasons_make_a_better_suggestion_and_those_apart_are_left_out() -> None:
    refused = [
        {"other": "b", "code": "both-known", "identifier": "browser:b1"},
        {"other": "c", "code": "both-known", "identifier": "browser:b1"},
        {"other": "d", "code": "policy", "identifier": "email:ada@example.com"},
    ]
    alike = [{"contact": "c", "same_company": True, "same_local_part": False}]
    found = suggestions(refused, alike, ["d"])
    assert [one.other for one in found] == ["c", "b"]
    assert [reason["code"] for reason in found[0].reasons] == [
        "both-known",
        "same-name-and-company",
    ]
