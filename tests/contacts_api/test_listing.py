"""What the list of contacts finds, and in which order it is walked."""

from typing import Any

import pytest

from contacts_api.actions.reading import locate
from contacts_api.domain.list_query import ListQuery
from contacts_api.store import listing
from service_kit.problems import Problem
from service_kit.tx import Tx
from tests.contacts_api.messages import (
    NOON,
    SPACE,
    at,
    changed,
    event,
    held,
    verified,
)
from tests.contacts_api.taking import crm_state, listed, take


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        pytest.param({"patterns": ["%lovel%"]}, ["ada"], id="a part of a name"),
        pytest.param({"patterns": ["%jose%"]}, ["jose"], id="a name without its accents"),
        pytest.param({"patterns": ["%100\\%%"]}, ["jose"], id="a per cent sign is itself"),
        pytest.param({"patterns": ["%ada%", "%acme%"]}, ["ada"], id="two words"),
        pytest.param({"tags": ["vip"]}, ["ada"], id="tag"),
        pytest.param({"not_tags": ["vip"]}, ["jose", "anonymous"], id="not a tag"),
        pytest.param({"kinds": ["customer"]}, ["ada"], id="kind"),
        pytest.param({"verified": True}, ["ada"], id="verified"),
        pytest.param({"audiences": ["enterprise"]}, ["jose"], id="audience"),
        pytest.param({"emails": ["email:ada@example.com"]}, ["ada"], id="e-mail"),
        pytest.param({"external_ids": ["user:u1"]}, ["ada"], id="external id"),
        pytest.param({"channels": ["slack"]}, ["jose"], id="channel"),
        pytest.param({"not_channels": ["slack"]}, ["anonymous", "ada"], id="not a channel"),
        pytest.param({"conversations": ["c9"]}, ["jose"], id="conversation"),
        pytest.param({"attributes": '[[{"seats": "7"}, {"seats": 7}]]'}, ["ada"], id="attribute"),
        pytest.param({"crm_states": ["error"]}, ["ada"], id="CRM state"),
        pytest.param({"crm_states": ["not_synced"]}, ["jose", "anonymous"], id="not synced"),
        pytest.param({"last_seen_after": at(2)}, ["jose"], id="seen after"),
        pytest.param({"created_before": NOON}, [], id="created before"),
    ],
)
async def test_the_list_finds_by(tx: Tx, filters: dict[str, Any], found: list[str]) -> None:
    await take(
        tx,
        changed(
            "ada", "ada", kind="customer", name="Ada Lovelace", company="Acme", tags=("vip",),
            external_id="u1", identifiers=(held("email", "Ada@example.com", "ada@example.com"),),
            verified=verified("u1"), custom_attributes={"seats": 7},
        ),
        changed(
            "jose", "jose", name="José 100%",
            audience={"value": "enterprise", "source": "operator", "pinned": True},
        ),
        changed("anonymous", "anonymous", kind="anonymous"),
        event("jose", 5, channel="slack", conversation="c9"),
        event("anonymous", 1),
        crm_state("ada", "error"),
    )  # fmt: skip
    assert await listed(tx, **filters) == found


async def test_pages_walk_the_whole_list_both_ways_whatever_the_order(tx: Tx) -> None:
    names = [f"c{n}" for n in range(7)]
    await take(tx, *(changed(n, n, name=f"Name {ord(n[1]) % 3}") for n in names))
    await take(tx, *(event(n, i % 3) for i, n in enumerate(names)))
    for column in ("last_seen_at", "name", "external_id", "created_at"):
        for descending in (True, False):
            whole = await page(tx, (column, descending), None, 50)
            walked: list[str] = []
            after = None
            while rows := await listing.list_contacts(
                tx, SPACE, (column, descending), after, 2, listing.Filters()
            ):
                walked += [row["contact"] for row in rows]
                after = (rows[-1]["position"], rows[-1]["contact"])
            assert walked == whole
            assert sorted(whole) == names
            assert await page(tx, (column, not descending), None, 50) == whole[::-1]


async def page(tx: Tx, order: tuple[str, bool], after: Any, rows: int) -> list[str]:
    found = await listing.list_contacts(tx, SPACE, order, after, rows, listing.Filters())
    return [row["contact"] for row in found]


async def test_another_space_sees_none_of_it(tx: Tx) -> None:
    await take(tx, changed("a", "a"))
    rows = await listing.list_contacts(
        tx, "space_2", ("last_seen_at", True), None, 50, listing.Filters()
    )
    assert rows == []
    with pytest.raises(Problem) as absent:
        await locate(tx, "space_2", "a")
    assert absent.value.status == 404


def test_the_default_query_is_the_newest_first() -> None:
    assert (ListQuery().sort, ListQuery().descending) == ("last_seen_at", True)
