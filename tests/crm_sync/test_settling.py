"""A CRM is told of what has settled: no state in between, and nothing that is held."""

from contact_schema.changes import ContactsMerged
from tests.crm_sync.conftest import NOW, SPACE, World, changed


def merged(into: str, absorbed: str, *, held: bool = False) -> ContactsMerged:
    return ContactsMerged(
        space=SPACE,
        merge="merge_1",
        into=into,
        absorbed=(absorbed,),
        cause="evidence",
        at=NOW,
        held=held,
    )


async def test_a_burst_reaches_the_crm_as_what_it_came_to(world: World) -> None:
    world.settings = world.settings.model_copy(update={"crm_sync_settling_seconds": 0.5})
    await world.connect()
    for number in range(5):
        await world.receive(changed("contact_a", "ada@example.com", name=f"Ada {number}"))
    await world.receive(changed("contact_b", "work@example.com", name="A. Lovelace"))
    await world.receive(
        changed("contact_a", "ada@example.com", name="Ada King"), merged("contact_a", "contact_b")
    )
    await world.until_state("contact_a", "synced")
    [row] = world.remote()
    assert (row["firstname"], row["lastname"]) == ("Ada", "King")
    written = [str(call.get("body")) for call in world.calls("/batch/")]
    assert not any("Lovelace" in body or "Ada 0" in body for body in written)


async def test_what_is_held_is_not_sent_before_it_is_released(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com", name="Ada King"))
    await world.receive(changed("contact_b", "work@example.com", name="Bob Stone"))
    there = await world.until_state("contact_a", "synced")
    await world.until_state("contact_b", "synced")
    held = changed("contact_a", "ada@example.com", name="Mallory Gate")
    await world.receive(
        held.model_copy(update={"held": True}), merged("contact_a", "contact_b", held=True)
    )
    await world.receive(changed("contact_c", "c@example.com", name="Carl Frost"))
    await world.until_state("contact_c", "synced")
    assert {row["lastname"] for row in world.remote()} == {"King", "Stone", "Frost"}
    await world.receive(held)
    await world.until_written(there.remote_id, "lastname", "Gate")
