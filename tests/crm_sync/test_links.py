"""Which record in HubSpot a contact is linked to, through merges, their undo and deletions."""

from contact_schema.changes import (
    ContactsMerged,
    ContactSplit,
)
from contact_schema.commands import Actor, ResyncContact
from tests.crm_sync.conftest import NOW, SPACE, World, at_work, changed, until


def merged(into: str, absorbed: str) -> ContactsMerged:
    return ContactsMerged(
        space=SPACE, merge="merge_1", into=into, absorbed=(absorbed,), cause="operator", at=NOW
    )


def resync(contact: str) -> ResyncContact:
    return ResyncContact(
        space=SPACE, command="command_1", actor=Actor(kind="user", id="u"), at=NOW, contact=contact
    )


async def test_a_record_that_was_there_before_is_linked_and_only_its_blanks_are_filled(
    world: World,
) -> None:
    portal = world.hubspot.standin.portal
    there = portal.create({"email": "Ada@Example.com", "firstname": "Countess"})
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com", name="Ada King"))
    state = await world.until_state("contact_a", "synced")
    row = world.of_key("contact_a")
    assert state.remote_id == there.id
    assert (row["firstname"], row["lastname"]) == ("Countess", "King")
    assert len(world.remote()) == 1


async def test_an_address_that_a_record_has_as_an_additional_one_is_linked_to_it(
    world: World,
) -> None:
    portal = world.hubspot.standin.portal
    there = portal.create({"email": "ada@example.com", "hs_additional_emails": "a@example.org"})
    await world.connect()
    await world.receive(changed("contact_a", "a@example.org"))
    assert (await world.until_state("contact_a", "synced")).remote_id == there.id
    assert len(world.remote()) == 1


async def test_two_contacts_with_one_address_make_one_record_and_one_named_conflict(
    world: World,
) -> None:
    await world.connect()
    await world.receive(
        changed("contact_a", "ada@example.com"), changed("contact_b", "ada@example.com")
    )

    async def settled() -> bool:
        states = [await world.state_of("contact_a"), await world.state_of("contact_b")]
        return sorted(s.state for s in states if s) == ["error", "synced"]

    await until(settled, lambda: str(world.told))
    states = [await world.state_of("contact_a"), await world.state_of("contact_b")]
    [failed] = [state for state in states if state and state.state == "error"]
    [synced] = [state for state in states if state and state.state == "synced"]
    assert failed.reason_code == "conflict_existing"
    assert synced.contact in (failed.reason or "")
    assert len(world.remote()) == 1


async def test_what_was_deleted_in_hubspot_stays_deleted_until_a_person_forces_it(
    world: World,
) -> None:
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com"))
    first = await world.until_state("contact_a", "synced")
    world.hubspot.standin.portal.archive(first.remote_id)
    await world.receive(changed("contact_a", "ada@example.org"))
    await world.until_state("contact_a", "not_synced", "remote_deleted")
    await world.receive(changed("contact_a", "ada@example.net"))
    await world.receive(changed("contact_b", "bo@example.com"))
    await world.until_state("contact_b", "synced")
    assert [row["email"] for row in world.remote()] == ["bo@example.com"]
    await world.receive(resync("contact_a"))
    second = await world.until_state("contact_a", "synced")
    assert second.remote_id != first.remote_id
    assert world.of_key("contact_a")["email"] == "ada@example.net"


async def test_a_forced_sync_compares_with_a_fresh_read(world: World) -> None:
    await world.connect()
    await world.receive(changed("contact_a", "ada@example.com", company="Ltd"))
    state = await world.until_state("contact_a", "synced")
    portal = world.hubspot.standin.portal
    portal.update(portal.contacts[state.remote_id], {"company": "Other"})
    await world.receive(resync("contact_a"))
    await world.until_state("contact_a", "pending", "queued")
    await world.until_state("contact_a", "synced")
    assert world.of_key("contact_a")["company"] == "Ltd"


async def test_a_merge_calls_nothing_in_hubspot_and_the_survivor_keeps_one_link(
    world: World,
) -> None:
    await world.connect()
    await world.receive(
        changed("contact_a", "ada@example.com"), changed("contact_b", "ada@example.org")
    )
    kept = await world.until_state("contact_a", "synced")
    other = await world.until_state("contact_b", "synced")
    await world.receive(
        merged("contact_a", "contact_b"),
        changed("contact_a", "ada@example.com", joined=("contact_b",), company="Ltd"),
    )
    state = await world.until_state("contact_a", "synced")
    assert state.remote_id == kept.remote_id
    await world.until_written(kept.remote_id, "company", "Ltd")
    assert "company" not in world.hubspot.standin.portal.contacts[other.remote_id].properties
    assert len(world.remote()) == 2
    assert not world.calls("/merge")
    assert not [call for call in world.hubspot.standin.calls if call["method"] == "DELETE"]


async def test_the_undo_of_a_merge_gives_each_side_its_own_record_back(world: World) -> None:
    await world.connect()
    await world.receive(
        changed("contact_a", "ada@example.com"), changed("contact_b", "bo@example.com")
    )
    kept = await world.until_state("contact_a", "synced")
    other = await world.until_state("contact_b", "synced")
    await world.receive(
        merged("contact_a", "contact_b"),
        changed("contact_a", "ada@example.com", joined=("contact_b",)),
    )
    await world.receive(
        ContactSplit(
            space=SPACE,
            contact="contact_a",
            parts=("contact_a", "contact_b"),
            cause="undo",
            at=NOW,
        ),
        changed("contact_a", "ada@example.com", left=("contact_b",)),
        changed("contact_b", "bo@example.com", joined=("contact_b",), company="Bo Ltd"),
    )
    await world.until_written(other.remote_id, "company", "Bo Ltd")
    assert (await world.until_state("contact_b", "synced")).remote_id == other.remote_id
    assert (await world.until_state("contact_a", "synced")).remote_id == kept.remote_id
    assert len(world.remote()) == 2


async def test_a_merge_in_hubspot_leaves_one_contact_in_step_and_names_it_to_the_other(
    world: World,
) -> None:
    await world.connect()
    await world.receive(
        changed("contact_a", "ada@example.com"), changed("contact_b", "bo@example.com")
    )
    one = await world.until_state("contact_a", "synced")
    two = await world.until_state("contact_b", "synced")
    merged_record = world.hubspot.standin.portal.merge(one.remote_id, two.remote_id)
    await world.receive(changed("contact_a", "ada@example.com", company="Ltd"))
    await world.until_written(merged_record.id, "company", "Ltd")
    assert (await world.until_state("contact_a", "synced")).remote_id == merged_record.id
    await world.receive(changed("contact_b", "bo@example.com", company="Other"))
    state = await world.until_state("contact_b", "error", "conflict_existing")
    assert "contact_a" in state.reason


async def test_a_contact_that_another_absorbs_before_its_first_push_is_never_sent(
    quiet: World,
) -> None:
    await quiet.connect()
    await quiet.receive(
        changed("contact_a", "ada@example.com"), changed("contact_b", "ada@example.org")
    )
    await quiet.receive(
        merged("contact_a", "contact_b"),
        changed("contact_a", "ada@example.com", joined=("contact_b",)),
    )
    async with at_work(quiet):
        await quiet.until_state("contact_a", "synced")
    assert len(quiet.remote()) == 1
