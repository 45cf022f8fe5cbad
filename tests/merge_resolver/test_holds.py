"""What is out of the ordinary is held back from the outside until somebody has looked."""

from contact_schema.changes import (
    ContactChanged,
    ContactsHeld,
    ContactsMerged,
    ContactSplit,
    ContactsReleased,
)
from contact_schema.commands import BlockIdentifier, SideIdentifier
from contact_schema.observations import ObservedIdentifier
from merge_resolver.releasing import release
from tests.merge_resolver.engine import SPACE, Engine, all_of, event, one_of, ordered, row, told

VISITORS = [f"contact_{number:02}" for number in range(25)]


def session(number: int) -> ObservedIdentifier:
    return told("session", f"s{number}")


async def _visitors(engine: Engine) -> None:
    await engine.take(*(event(one, n, session(n)) for n, one in enumerate(VISITORS)))


async def test_one_fact_that_joins_many_contacts_is_held_with_all_that_follows(
    engine: Engine,
) -> None:
    await _visitors(engine)
    joins = event("contact_all", 30, *(session(number) for number in range(25)))
    sent = await engine.take(joins, event("contact_all", 31, fields={"name": "Ada"}))
    held = one_of(sent, ContactsHeld)
    assert (held.reason, held.fact) == ("many-contacts", joins.observation.fact)
    assert held.contacts > 20
    assert all(one.held for one in all_of(sent, ContactsMerged))
    assert one_of(sent, ContactChanged).held
    sent = await engine.take(event("contact_all", 32, fields={"name": "Bob"}))
    assert one_of(sent, ContactChanged).held


async def test_a_decision_that_takes_many_apart_is_held_and_told_when_it_is_released(
    engine: Engine,
) -> None:
    await _visitors(engine)
    await engine.take(*(event(one, 40, told("browser", "b1")) for one in VISITORS[:20]))
    for one in VISITORS[20:]:
        await engine.take(event(one, 41, told("browser", "b1")))
    assert len(engine.records()) == 1
    block = ordered(
        BlockIdentifier,
        50,
        fact="fact_block",
        identifier=SideIdentifier(type="browser", key="b1"),
    )
    sent = await engine.take(block)
    held = one_of(sent, ContactsHeld)
    assert one_of(sent, ContactSplit).held
    start = len(engine.tx.emitted)
    assert await release(engine.tx, engine.streams, SPACE, held.hold)
    await engine.commit()
    again = engine.tx.emitted[start:]
    assert {one.snapshot.contact for one in all_of(again, ContactChanged)} == set(VISITORS)
    assert not any(one.held for one in all_of(again, ContactChanged))
    assert isinstance(again[-1], ContactsReleased)


async def test_a_merge_that_was_held_is_told_again_when_it_is_released(engine: Engine) -> None:
    await _visitors(engine)
    joins = event("contact_all", 30, *(session(number) for number in range(25)))
    sent = await engine.take(joins)
    start = len(engine.tx.emitted)
    assert await release(engine.tx, engine.streams, SPACE, one_of(sent, ContactsHeld).hold)
    again = all_of(engine.tx.emitted[start:], ContactsMerged)
    assert {one.merge for one in again} == {one.merge for one in all_of(sent, ContactsMerged)}
    assert not any(one.held for one in again)


async def test_many_facts_that_each_change_one_contact_are_nothing_out_of_the_ordinary(
    engine: Engine,
) -> None:
    known = [told("email", f"p{number}@example.com", "asserted") for number in range(25)]
    kiosk = told("browser", "kiosk")
    await engine.take(*(row(one, n, known[n], kiosk) for n, one in enumerate(VISITORS)))
    sent = await engine.take(*(row(f"{one}b", 30, known[n]) for n, one in enumerate(VISITORS)))
    assert len(all_of(sent, ContactChanged)) == 25
    assert all_of(sent, ContactsHeld) == []


async def test_a_heap_at_half_of_its_work_is_held_once(engine: Engine) -> None:
    browser = told("browser", "kiosk")
    found = []
    for start in range(0, 300, 60):
        batch = [
            event(f"contact_{n:03}", start, browser, told("email", f"p{n}@example.com"))
            for n in range(start, start + 60)
        ]
        found += all_of(await engine.take(*batch), ContactsHeld)
    [held] = found
    assert (held.reason, held.contacts >= 500) == ("work-cap", True)
    sent = await engine.take(event("contact_000", 400, browser, fields={"name": "Ada"}))
    assert one_of(sent, ContactChanged).held
    assert await release(engine.tx, engine.streams, SPACE, held.hold)
    await engine.commit()
    told_again = all_of(engine.tx.emitted, ContactChanged)[-300:]
    assert not any(one.held for one in told_again)
    assert isinstance(engine.tx.emitted[-1], ContactsReleased)
    assert not await release(engine.tx, engine.streams, SPACE, held.hold)
    sent = await engine.take(event("contact_001", 500, browser, fields={"name": "Bob"}))
    assert not one_of(sent, ContactChanged).held
    assert all_of(sent, ContactsHeld) == []
