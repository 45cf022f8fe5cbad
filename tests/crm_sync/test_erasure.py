"""An erased person leaves Kith and HubSpot, and nothing brings him back."""

import asyncio

import pytest

from contact_schema.changes import ContactErased, CrmStateChanged
from contact_schema.erasure import SliceErased, SliceFenced
from tests.crm_sync.conftest import SPACE, World, at_work, changed, erase, fence, until

PERSON = "ada@example.com"


async def receipt(world: World) -> SliceErased:
    async def given() -> list[SliceErased]:
        return [m for m in await world.hear() if isinstance(m, SliceErased)]

    found: list[SliceErased] = await until(given, lambda: str(world.told))
    return found[-1]


async def rows_with(world: World, value: str) -> list[str]:
    tables = ("contacts", "records", "links", "erasures", "connections")
    found = []
    for table in tables:
        query = f"SELECT count(*) FROM crm_sync.{table} AS t WHERE t::text LIKE $1"
        if await world.runtime.pool.fetchval(query, f"%{value}%"):
            found.append(table)
    return found


async def test_the_record_in_hubspot_goes_first_then_all_rows_and_the_receipt_counts_them(
    world: World,
) -> None:
    await world.connect()
    await world.receive(
        changed("contact_a", PERSON, joined=("contact_a", "contact_b")),
        changed("contact_c", "cy@example.com"),
    )
    await world.until_state("contact_a", "synced")
    await world.until_state("contact_c", "synced")
    assert await rows_with(world, PERSON) == ["contacts", "links"]

    await world.receive(fence("contact_a", "contact_b"))
    assert [m.ledger_no for m in await world.hear() if isinstance(m, SliceFenced)] == [1]
    await world.receive(erase("contact_a", "contact_b"))

    done = await receipt(world)
    assert done.counts == {"links": 1, "contacts": 1, "records": 2, "remote_records": 1}
    assert (done.left, done.ledger_no, done.slice) == (0, 2, "crm_sync")
    assert [row["email"] for row in world.remote()] == ["cy@example.com"]
    assert await rows_with(world, PERSON) == []
    assert world.calls("/gdpr-delete")[0]["status"] == 204


async def test_nothing_is_sent_of_a_fenced_person(quiet: World) -> None:
    await quiet.connect()
    await quiet.receive(changed("contact_a", PERSON))
    await quiet.receive(fence("contact_a"))
    async with at_work(quiet):
        await quiet.receive(changed("contact_c", "cy@example.com"))
        await quiet.until_state("contact_c", "synced")
    assert [row["email"] for row in quiet.remote()] == ["cy@example.com"]


async def test_a_late_change_is_suppressed_and_brings_nothing_back(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", PERSON))
    await world.until_state("contact_a", "synced")
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    await receipt(world)
    await world.receive(changed("contact_a", PERSON, joined=("contact_a",)))
    assert world.suppressed == 1
    await world.receive(ContactErased(space=SPACE, contact="contact_a", ids=(), erasure="e"))
    assert await rows_with(world, PERSON) == []
    assert world.remote() == []


@pytest.mark.parametrize("fault", ["hang_after", "drop_after"])
async def test_a_push_under_way_is_waited_for_and_its_record_deleted(
    world: World, fault: str
) -> None:
    await world.connect()
    await world.control(fail=[{"fault": fault, "path": "upsert", "seconds": 2}])
    await world.receive(changed("contact_a", PERSON))

    async def in_hubspot() -> bool:
        return bool(world.remote())

    await until(in_hubspot)
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    done = await receipt(world)
    assert done.counts["remote_records"] == 1
    assert world.remote() == []


async def test_no_receipt_before_hubspot_has_been_read_and_not_found(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", PERSON))
    await world.until_state("contact_a", "synced")
    await world.control(fail=[{"fault": "503", "times": 3}])
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    await asyncio.sleep(0.2)
    assert not [m for m in await world.hear() if isinstance(m, SliceErased)]
    assert (await receipt(world)).left == 0
    assert world.remote() == []


async def test_the_order_again_repeats_the_first_receipt(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", PERSON))
    await world.until_state("contact_a", "synced")
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    first = await receipt(world)
    deletes = len(world.calls("/gdpr-delete"))
    await world.receive(erase("contact_a"))
    receipts = [m for m in await world.hear() if isinstance(m, SliceErased)]
    assert receipts == [first, first]
    assert len(world.calls("/gdpr-delete")) == deletes


async def test_somebody_unknown_to_the_crm_is_erased_too(world: World) -> None:
    await world.receive(changed("contact_a", kind="anonymous"))
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    done = await receipt(world)
    assert done.counts == {"links": 0, "contacts": 1, "records": 1, "remote_records": 0}
    assert world.hubspot.standin.calls == type(world.hubspot.standin.calls)()


async def test_a_removed_connection_is_named_in_the_receipt(world: World) -> None:
    connection = await world.connect()
    await world.receive(changed("contact_a", PERSON))
    await world.until_state("contact_a", "synced")
    removed = await world.call("DELETE", f"/{connection}?space={SPACE}")
    assert removed.status_code == 204
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    done = await receipt(world)
    assert done.counts["remote_records_unreachable"] == 1
    assert await rows_with(world, PERSON) == []


async def test_the_erased_contact_is_told_in_no_further_state(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", PERSON))
    await world.until_state("contact_a", "synced")
    told = len([m for m in await world.hear() if isinstance(m, CrmStateChanged)])
    await world.receive(fence("contact_a"))
    await world.receive(erase("contact_a"))
    await receipt(world)
    assert len([m for m in world.told if isinstance(m, CrmStateChanged)]) == told
