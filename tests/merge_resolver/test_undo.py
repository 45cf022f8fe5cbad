"""Any one merge of a chain comes apart again, whoever made it, and leaves what was there."""

import random

import orjson
import pytest

from contact_schema.changes import CommandSettled, ContactsMerged, ContactSplit, Snapshot
from contact_schema.commands import Owner
from contact_schema.envelope import Message
from merge_resolver.domain import Rules, resolve
from merge_resolver.domain.bodies import fact_of
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.snapshot import snapshot_of
from tests.merge_resolver.engine import (
    SPACE,
    Engine,
    all_of,
    event,
    link,
    one_of,
    row,
    separate_merge,
    told,
    undo,
)

PEOPLE = 6
ADA = "ada@example.com"


class Chain:
    """Six people, each known by several records, who become one by five merges."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine, self.dice, self.minute = engine, random.Random(seed), 0
        self.customers = {one for one in range(PEOPLE) if self.dice.random() < 0.4}
        """Two of them are one person by order only."""
        self.sides: list[set[str]] = []
        self.merged: list[ContactsMerged] = []

    def now(self) -> int:
        self.minute += 1
        return self.minute

    async def meet(self, person: int) -> None:
        """Records of one person that nothing but their own identifiers holds together."""
        proof = self.dice.choice(("typed", "asserted"))
        own = told("email", f"p{person}@example.com", proof)
        ties = [own, self.dice.choice((told("browser", f"b{person}"), own))]
        users = [told("user", f"u{person}", "asserted")] if person in self.customers else []
        names = [f"contact_{person}{one}" for one in "abc"[: self.dice.randint(1, 3)]]
        for number, name in enumerate(names):
            fields = {"name": f"P{person}", self.dice.choice(("company", "attr.a")): number}
            tags = self.dice.choice(((), ("vip",), (f"t{number}",)))
            await self.engine.take(
                row(name, self.now(), *users, *ties[number:], fields=fields, tags=tags)
            )
            await self.engine.take(event(name, self.now(), own, fields={"name": "said"}))
        self.sides.append(set(names))

    async def join(self, person: int) -> None:
        """With somebody before him: by evidence, or by an order."""
        before = self.dice.randrange(person)
        mine, theirs = (self.dice.choice(sorted(self.sides[one])) for one in (person, before))
        if person in self.customers or self.dice.random() < 0.3:
            survivor = self.dice.choice((None, mine, theirs))
            picks = ({"field": "name", "contact": mine},)
            message: Message = link(mine, theirs, self.now(), survivor=survivor, picks=picks)
        else:
            proof = self.dice.choice(("typed", "asserted", "proven"))
            make = row if proof == "asserted" else event
            message = make(mine, self.now(), told("email", f"p{before}@example.com", proof))
        self.merged.append(one_of(await self.engine.take(message), ContactsMerged))

    async def part(self, merged: ContactsMerged) -> None:
        made = [one.undone for one in all_of(self.engine.tx.emitted, ContactSplit)]
        made += [m for one in all_of(self.engine.tx.emitted, ContactSplit) for m in one.undone_too]
        if merged.merge in made:
            return
        settled = await self.engine.settle(_undoing(merged, self.now()))
        assert (settled.outcome, settled.merge) == ("updated", merged.merge)


def _undoing(merged: ContactsMerged, minute: int, *owners: Owner) -> Message:
    if merged.link is not None:
        return undo(merged.link, minute, keep_apart=True, owners=owners)
    return separate_merge(merged.merge, minute, *owners)


async def alone(engine: Engine, records: set[str]) -> list[tuple[set[str], Snapshot]]:
    """What the facts of these records make when there are no others."""
    rows = await engine.tx.connection.fetch(
        "SELECT fact, kind, record, t, body::text FROM merge_resolver.facts WHERE space = $1",
        SPACE,
    )
    facts = (
        fact_of(one["fact"], one["kind"], one["record"], one["t"], orjson.loads(one["body"]))
        for one in rows
    )
    own = [one for one in facts if isinstance(one, Observe) and one.record in records]
    return [
        ({record.id for record in contact.records}, snapshot_of(contact, Rules()))
        for contact in resolve(own, Rules())
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_a_chain_of_five_merges_undone_in_any_order_leaves_six_contacts_as_they_were(
    engine: Engine, seed: int
) -> None:
    chain = Chain(engine, seed)
    for person in range(PEOPLE):
        await chain.meet(person)
    for person in range(1, PEOPLE):
        await chain.join(person)
    assert len(engine.records()) == 1
    assert len(chain.merged) == PEOPLE - 1
    for merged in chain.dice.sample(chain.merged, len(chain.merged)):
        await chain.part(merged)
    expected = [one for side in chain.sides for one in await alone(engine, side)]
    records, contacts = engine.records(), engine.contacts()
    assert sorted(map(sorted, records.values())) == sorted(map(sorted, chain.sides))
    assert {one.contact: one for _, one in expected} == contacts
    assert not await _standing(engine) & {one.merge for one in chain.merged}


async def _standing(engine: Engine) -> set[str]:
    rows = await engine.tx.connection.fetch(
        "SELECT merge FROM merge_resolver.merges WHERE undone_at IS NULL"
    )
    return {row["merge"] for row in rows}


async def _ada_twice(engine: Engine) -> ContactsMerged:
    """Two contacts of several records each; a typed address makes them one."""
    mine, hers = told("email", ADA, "asserted"), told("email", "work@example.com", "asserted")
    for number, name in enumerate(("contact_a", "contact_a2")):
        await engine.take(row(name, number, mine, fields={"name": "Ada"}))
    for number, name in enumerate(("contact_b", "contact_b2"), 2):
        await engine.take(event(name, number, told("email", "work@example.com")))
    return one_of(await engine.take(row("contact_a", 5, hers)), ContactsMerged)


async def test_evidence_that_joined_two_stays_refused_after_the_undo(engine: Engine) -> None:
    merged = await _ada_twice(engine)
    sent = await engine.take(separate_merge(merged.merge, 6))
    split, ended = one_of(sent, ContactSplit), one_of(sent, CommandSettled)
    assert (split.cause, split.undone) == ("undo", merged.merge)
    assert ended.contacts == split.parts == ("contact_a", "contact_b")
    await engine.take(event("contact_b", 7, told("email", ADA)))
    assert sorted(map(len, engine.records().values())) == [2, 2]


@pytest.mark.parametrize("owner", [None, "contact_b"])
async def test_a_newcomer_comes_to_whoever_keeps_the_shared_address(
    engine: Engine, owner: str | None
) -> None:
    merged = await _ada_twice(engine)
    owners = [Owner(type="email", key="work@example.com", contact=owner)] if owner else []
    await engine.take(separate_merge(merged.merge, 6, *owners))
    await engine.take(row("contact_new", 7, told("email", "work@example.com", "asserted")))
    at = "contact_b" if owner else "contact_a"  # who asserts it keeps it, unless said otherwise
    assert "contact_new" in engine.records()[at]
    assert sum(map(len, engine.records().values())) == 5


@pytest.mark.parametrize("who", [("contact_none", ADA), ("contact_a", "nobody@example.com")])
async def test_an_owner_that_has_no_part_in_it_refuses_the_undo(
    engine: Engine, who: tuple[str, str]
) -> None:
    merged = await _ada_twice(engine)
    owner = Owner(type="email", key=who[1], contact=who[0])
    settled = await engine.settle(separate_merge(merged.merge, 6, owner))
    assert (settled.outcome, settled.code) == ("refused", "unknown-owner")
    assert len(engine.records()) == 1


async def test_an_undo_that_comes_twice_is_one(engine: Engine) -> None:
    merged = await _ada_twice(engine)
    await engine.take(separate_merge(merged.merge, 6))
    settled = await engine.settle(separate_merge(merged.merge, 7))
    assert (settled.outcome, settled.contacts) == ("unchanged", ("contact_a", "contact_b"))


async def test_what_came_since_is_placed_by_the_ordinary_rules(engine: Engine) -> None:
    merged = await _ada_twice(engine)
    await engine.take(event("contact_c", 6, told("email", ADA)))
    await engine.take(separate_merge(merged.merge, 7))
    assert engine.records()["contact_a"] == {"contact_a", "contact_a2", "contact_c"}


async def test_a_merge_that_is_not_there_is_refused(engine: Engine) -> None:
    settled = await engine.settle(separate_merge("merge_none", 0))
    assert (settled.outcome, settled.code) == ("refused", "not-found")
