"""Contacts reach a HubSpot that fails, and the state that is told is the truth."""

import asyncio

import pytest

from contact_schema.changes import (
    CrmConnectionChanged,
    CrmStateChanged,
)
from tests.crm_sync.conftest import SPACE, World, at_work, changed, until


async def test_a_lead_is_sent_under_its_founding_records_key(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com", name="Ada King", tags=("vip",)))
    state = await world.until_state("contact_a", "synced")
    row = world.of_key("contact_a")
    assert (row["email"], row["firstname"], row["lastname"]) == ("ada@example.com", "Ada", "King")
    assert (row["kith_audience"], row["kith_tags"]) == ("public", "vip")
    assert state.remote_url.endswith(f"/record/0-1/{state.remote_id}")
    assert state.synced_at is not None


async def test_a_contact_is_pending_until_it_is_there(quiet: World) -> None:
    await quiet.connect()
    await quiet.receive(changed("contact_a", "ada@example.com"))
    state = await quiet.state_of("contact_a")
    assert state is not None
    assert (state.state, state.reason_code) == ("pending", "queued")
    assert state.reason == "Waiting to be sent to HubSpot."


async def test_an_anonymous_visitor_stays_in_kith_and_says_why(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", kind="anonymous"))
    await world.receive(changed("contact_b", "bo@example.com"))
    await world.until_state("contact_b", "synced")
    assert [row["email"] for row in world.remote()] == ["bo@example.com"]
    state = await world.state_of("contact_a")
    assert state is not None
    assert (state.state, state.reason_code) == ("not_synced", "anonymous")


async def test_what_was_there_before_the_connection_is_sent_too(world: World) -> None:
    await world.receive(*(changed(f"contact_{n}", f"p{n}@example.com") for n in range(5)))
    assert await world.hear() == []
    await world.connect()
    for n in range(5):
        await world.until_state(f"contact_{n}", "synced")
    assert len(world.remote()) == 5


async def test_a_change_updates_the_same_record_and_sends_only_what_differs(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com", company="Ada Ltd"))
    first = await world.until_state("contact_a", "synced")
    await world.receive(changed("contact_a", "ada@example.org", company="Ada Ltd"))
    await world.until_state("contact_a", "pending", "queued")
    second = await world.until_state("contact_a", "synced")
    assert second.remote_id == first.remote_id
    assert world.of_key("contact_a")["email"] == "ada@example.org"
    assert len(world.calls("/batch/update")) == 1
    assert len(world.calls("/batch/upsert")) == 1


async def test_a_version_that_touches_no_mapped_field_makes_no_call(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com"))
    await world.until_state("contact_a", "synced")
    calls = len(world.hubspot.standin.calls)
    told = len(await world.hear())
    await world.receive(changed("contact_a", "ada@example.com", custom_attributes={"n": 1}))
    await world.receive(changed("contact_b", kind="anonymous"))
    assert len(await world.hear()) == told + 1
    await asyncio.sleep(0.3)
    assert len(world.hubspot.standin.calls) == calls


async def test_one_bad_row_is_told_by_property_and_the_others_go_through(world: World) -> None:
    await world.connect()
    good = [changed(f"contact_{n}", f"p{n}@example.com") for n in range(7)]
    await world.receive(*good[:3], changed("contact_bad", "not@an@address@"), *good[3:])
    state = await world.until_state("contact_bad", "error", "validation")
    assert "email (INVALID_EMAIL)" in state.reason
    assert "not@an" not in state.reason
    for n in range(7):
        await world.until_state(f"contact_{n}", "synced")
    await world.receive(changed("contact_bad", "good@example.com"))
    await world.until_state("contact_bad", "synced")


@pytest.mark.parametrize("multi_status", [False, True], ids=["whole batch 400", "207"])
async def test_a_refused_row_is_found_however_hubspot_says_it(
    world: World, multi_status: bool
) -> None:
    await world.control(multi_status=multi_status)
    await world.connect(field_map={"email": "email", "company": "no_such_property"})
    await world.receive(
        changed("contact_a", "ada@example.com", company="Ltd"),
        changed("contact_b", "b@example.com"),
    )
    state = await world.until_state("contact_a", "error", "validation")
    assert "no_such_property (PROPERTY_DOESNT_EXIST)" in state.reason
    await world.until_state("contact_b", "synced")


async def test_a_row_refused_without_a_property_says_so_and_is_not_sent_again_by_itself(
    world: World,
) -> None:
    await world.control(fail=[{"fault": "refuse_one"}])
    await world.connect()
    await world.receive(
        changed("contact_a", "a@example.com"), changed("contact_b", "b@example.com")
    )
    state = await world.until_state("contact_a", "error", "validation")
    assert state.reason == "HubSpot refused this contact. It is sent again when it changes."
    await world.until_state("contact_b", "synced")
    assert [row["email"] for row in world.remote()] == ["b@example.com"]
    await world.receive(changed("contact_a", "a@example.com", company="Ltd"))
    await world.until_state("contact_a", "synced")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("500", "vendor_unavailable"),
        ("503", "vendor_unavailable"),
        ("524", "vendor_unavailable"),
        ("477", "vendor_unavailable"),
        ("423", "locked"),
        ("429:TEN_SECONDLY_ROLLING", "rate_limited"),
    ],
)
async def test_what_passes_is_pending_with_its_reason_and_then_goes_through(
    world: World, fault: str, code: str
) -> None:
    await world.connect()
    await world.control(fail=[{"fault": fault, "path": "upsert", "retry_after": 0.2}])
    await world.receive(changed("contact_a", "ada@example.com"))
    await world.until_state("contact_a", "pending", code)
    await world.until_state("contact_a", "synced")
    assert len(world.remote()) == 1


@pytest.mark.parametrize("fault", ["hang", "hang_after", "drop_after", "missing_rows"])
async def test_a_first_push_without_an_answer_is_read_back_and_never_doubled(
    world: World, fault: str
) -> None:
    await world.connect()
    await world.control(fail=[{"fault": fault, "path": "upsert", "seconds": 2}])
    await world.receive(changed("contact_a", "ada@example.com"))
    await world.until_state("contact_a", "synced")
    assert len(world.remote()) == 1
    created = fault in ("hang_after", "drop_after", "missing_rows")
    assert len(world.calls("/batch/upsert")) == (1 if created else 2)


async def test_a_sender_that_dies_in_a_call_leaves_it_to_the_next_to_read_back(
    quiet: World,
) -> None:
    await quiet.connect()
    await quiet.control(fail=[{"fault": "hang_after", "path": "upsert", "seconds": 2}])
    await quiet.receive(changed("contact_a", "ada@example.com"))

    async def in_hubspot() -> bool:
        return bool(quiet.remote())

    async with at_work(quiet):
        await until(in_hubspot)
    state = await quiet.state_of("contact_a")
    assert state is not None
    assert state.state == "pending"
    async with at_work(quiet):
        await quiet.until_state("contact_a", "synced")
    assert len(quiet.remote()) == 1
    assert len(quiet.calls("/batch/upsert")) == 1


async def test_rows_in_another_order_land_on_their_own_contacts(world: World) -> None:
    await world.control(fail=[{"fault": "reordered", "path": "upsert"}])
    await world.connect()
    await world.receive(*(changed(f"contact_{n}", f"p{n}@example.com") for n in range(9)))
    for n in range(9):
        state = await world.until_state(f"contact_{n}", "synced")
        remote = world.hubspot.standin.portal.contacts[state.remote_id]
        assert remote.properties["kith_contact_id"] == f"contact_{n}"


async def test_a_revoked_token_stops_the_connection_and_not_the_contacts(world: World) -> None:
    connection = await world.connect()
    await world.receive(changed("contact_a", "ada@example.com"))
    await world.until_state("contact_a", "synced")
    await world.control(revoked=True)
    await world.receive(changed("contact_a", "ada@example.org"))

    async def stopped() -> bool:
        last = [m for m in await world.hear() if isinstance(m, CrmConnectionChanged)][-1]
        return last.state == "action_needed"

    await until(stopped)
    state = await world.state_of("contact_a")
    assert state is not None
    assert state.state == "pending"
    await world.control(revoked=False)
    answer = await world.call(
        "PATCH",
        f"/{connection}?space={SPACE}",
        json={"credentials": {"access_token": "pat-new"}},
    )
    assert answer.json()["state"] == "degraded"
    await world.until_state("contact_a", "synced")


async def test_a_quota_of_the_day_limits_the_connection_until_midnight(world: World) -> None:
    connection = await world.connect()
    await world.control(fail=[{"fault": "429:DAILY", "path": "upsert"}])
    await world.receive(changed("contact_a", "ada@example.com"))

    async def limited() -> bool:
        answer = await world.call("GET", f"/{connection}?space={SPACE}")
        return bool(answer.json()["state"] == "limited")

    await until(limited)
    assert len(world.calls("/batch/upsert")) == 1
    assert world.remote() == []


async def test_a_day_with_failures_ends_with_everybody_in_step(world: World) -> None:
    world.hubspot.standin.faults.rate = 0.3
    await world.connect()
    for start in range(0, 120, 10):
        await world.receive(
            *(changed(f"contact_{n}", f"p{n}@example.com") for n in range(start, start + 10))
        )
    await asyncio.sleep(0.5)
    world.hubspot.standin.faults.rate = 0.05

    async def everybody() -> bool:
        await world.hear()
        last = {m.contact: m.state for m in world.told if isinstance(m, CrmStateChanged)}
        return len(last) == 120 and set(last.values()) == {"synced"}

    await until(everybody, lambda: str([m for m in world.told if isinstance(m, CrmStateChanged)]))
    keys = [row["kith_contact_id"] for row in world.remote()]
    assert len(keys) == len(set(keys)) == 120
