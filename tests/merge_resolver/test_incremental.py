"""Batch by batch and by blobs: always what the definition says of all facts."""

import random
from typing import Any, cast

import orjson
import pytest

from contact_schema.changes import Snapshot
from contact_schema.commands import (
    BlockIdentifier,
    ReleaseIdentifier,
    RevokeProof,
    SideIdentifier,
)
from contact_schema.envelope import Message
from contact_schema.observations import IdentifierType
from merge_resolver.domain import Rules, resolve
from merge_resolver.domain.bodies import decision_of, fact_of
from merge_resolver.domain.facts import Fact, Identifier
from merge_resolver.domain.snapshot import snapshot_of
from tests.merge_resolver.engine import (
    SPACE,
    TEAM,
    Engine,
    edit,
    event,
    link,
    ordered,
    row,
    told,
    undo,
    verified,
)
from tests.merge_resolver.orders import VALUES


class Traffic:
    """A day of few people who share a lot."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.minute = 0
        self.records: list[str] = []
        self.links: list[str] = []
        self.about: list[str] = []

    def batch(self) -> list[Message]:
        """Messages of one stream."""
        kind = self.dice.choice((self._event, self._event, self._verified, self._command))
        return [kind() for _ in range(self.dice.randint(1, 5))]

    def _time(self) -> int:
        self.minute += self.dice.randint(0, 2)
        return max(0, self.minute - self.dice.choice((0, 0, 0, 7)))

    def _record(self, user: str | None = None) -> tuple[str, str]:
        unit = f"unit_{self.dice.randint(1, 7)}"
        record = f"contact_{unit}_{user or 'nobody'}"
        if record not in self.records:
            self.records.append(record)
        return record, unit

    def _told(self, *proofs: str) -> list[Any]:
        chosen = self.dice.sample(VALUES, self.dice.randint(0, 2))
        return [told(kind, key, self.dice.choice(proofs)) for kind, key in chosen]

    def _fields(self) -> dict[str, Any]:
        names = self.dice.sample(("name", "company", "attr.a"), self.dice.randint(0, 2))
        return {name: self.dice.choice(("Ada", "Bob", 1.5, None)) for name in names}

    def _event(self) -> Message:
        record, unit = self._record()
        identifiers = self._told("typed", "typed", "proven")
        return event(record, self._time(), *identifiers, unit=unit, fields=self._fields())

    def _verified(self) -> Message:
        user = self.dice.choice(("u1", "u2", "u3"))
        record, unit = self._record(user)
        return verified(record, self._time(), user, *self._told("typed"), unit=unit)

    def _command(self) -> Message:
        if len(self.records) < 2:
            return row("contact_row", self._time(), *self._told("asserted"))
        left, right = self.dice.sample(self.records, 2)
        match self.dice.randint(0, 5):
            case 5:
                return self._about_identifier()
            case 0:
                ordered = link(left, right, self._time(), survivor=left)
                self.links.append(ordered.fact)
                return ordered
            case 1 if self.links:
                apart = self.dice.random() < 0.5
                return undo(self.dice.choice(self.links), self._time(), keep_apart=apart)
            case 2:
                tags = self.dice.choice((None, (), ("vip",)))
                return edit(
                    left, self._time(), actor=TEAM, replace_tags=tags, fields=self._fields()
                )
            case _:
                record = f"contact_row{self.dice.randint(1, 3)}"
                tags = self.dice.choice(((), ("new",)))
                return row(record, self._time(), *self._told("asserted"), tags=tags)

    def _about_identifier(self) -> Message:
        minute, name = self._time(), f"fact_about{len(self.about)}"
        kind, key = self.dice.choice(VALUES)
        one = SideIdentifier(type=cast(IdentifierType, kind), key=key)
        match self.dice.randint(0, 3):
            case 0:
                self.about.append(name)
                return ordered(BlockIdentifier, minute, fact=name, identifier=one)
            case 1:
                self.about.append(name)
                return ordered(ReleaseIdentifier, minute, fact=name, identifier=one)
            case 2 if self.about:
                return undo(self.dice.choice(self.about), minute)
            case _:
                contact, user = self.dice.choice(self.records), self.dice.choice(("u1", "u2"))
                return ordered(RevokeProof, minute, contact=contact, fact=name, users=(user,))


async def kept_in(engine: Engine, space: str) -> dict[str, set[str]]:
    """The records of each contact, as they are stored."""
    rows = await engine.tx.connection.fetch(
        "SELECT contact, record FROM merge_resolver.records WHERE space = $1", space
    )
    found: dict[str, set[str]] = {}
    for one in rows:
        found.setdefault(one["contact"], set()).add(one["record"])
    return found


async def defined(engine: Engine) -> dict[str, tuple[set[str], Snapshot]]:
    return await defined_in(engine, SPACE)


async def defined_in(engine: Engine, space: str) -> dict[str, tuple[set[str], Snapshot]]:
    """What the definition makes of all facts there are."""
    rows = await engine.tx.connection.fetch(
        "SELECT fact, kind, record, t, body::text FROM merge_resolver.facts WHERE space = $1",
        space,
    )
    facts: list[Fact] = [
        fact_of(one["fact"], one["kind"], one["record"], one["t"], orjson.loads(one["body"]))
        for one in rows
    ]
    decisions = await engine.tx.connection.fetch(
        "SELECT fact, kind, type, key, t FROM merge_resolver.decisions WHERE space = $1", SPACE
    )
    for one in decisions:
        about = Identifier(one["type"], one["key"])
        facts.append(decision_of(one["fact"], one["kind"], about, one["t"]))
    return {
        contact.id: ({record.id for record in contact.records}, snapshot_of(contact, Rules()))
        for contact in resolve(facts, Rules())
    }


@pytest.mark.parametrize("seed", range(12))
async def test_the_engine_equals_the_definition_after_every_batch(
    engine: Engine, seed: int
) -> None:
    traffic = Traffic(seed)
    for number in range(25):
        await engine.take(*traffic.batch())
        if number % 7 == 3:
            engine.streams.known.forget()
        wanted = await defined(engine)
        records, contacts = engine.records(), engine.contacts()
        assert {one: (records[one], contacts[one]) for one in contacts} == wanted


@pytest.mark.parametrize("seed", range(4))
async def test_how_messages_are_batched_changes_nothing(engine: Engine, seed: int) -> None:
    """In one batch each, or all of a kind together: the same facts, so the same contacts."""
    traffic = Traffic(seed)
    events = [traffic._event() for _ in range(30)]
    for message in events:
        await engine.take(message)
    one_by_one = engine.contacts()
    moved = [message.model_copy(update={"space": "space_other"}) for message in events]
    for start in range(0, len(moved), 8):
        await engine.take(*moved[start : start + 8])
    rows = await engine.tx.connection.fetch(
        "SELECT contact, snapshot::text FROM merge_resolver.contacts WHERE space = 'space_other'"
    )
    together = {one["contact"]: Snapshot.model_validate_json(one["snapshot"]) for one in rows}
    assert together == one_by_one
