"""One function per stream: load the blobs touched, decide, save what changed, tell it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from contact_schema.changes import CommandSettled
from contact_schema.commands import (
    BlockIdentifier,
    Command,
    EditContact,
    LinkRecords,
    ObserveRecord,
    ReleaseIdentifier,
    RetractFacts,
    RevokeProof,
    SeparateRecords,
)
from contact_schema.interactions import IdentityVerified, InteractionAccepted
from contact_schema.records import fact_id, space_key
from merge_resolver import store
from merge_resolver.domain import bodies
from merge_resolver.domain.blobs import names_of
from merge_resolver.domain.facts import Identifier, Observe, Release
from merge_resolver.domain.rules import FAMILIES, Rules
from merge_resolver.domain.separations import records_in
from merge_resolver.domain.working import Book
from merge_resolver.known import KnownRecords
from merge_resolver.loading import Wanted, find_merges, load
from merge_resolver.rulebook import Rulebook
from merge_resolver.saving import save
from merge_resolver.settling import Settling
from service_kit.tx import Batch, Received, Tx


@dataclass(frozen=True)
class Streams:
    """The handlers, with what they need beside a transaction."""

    secret: str = field(repr=False)
    rules_of: Callable[[str], Rules]
    known: KnownRecords
    rules_changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a command has changed the rules of a space."""

    @cached_property
    def rulebook(self) -> Rulebook:
        return Rulebook(self.rules_of)

    def key_of(self, space: str) -> bytes:
        return space_key(self.secret, space)

    async def on_interactions(self, batch: Batch, tx: Tx) -> None:
        """What visitors and channels said."""
        await self._on_observations([(one, _observed(one.body)) for one in batch], tx)
        left = [one for one in batch if one.body.type == "logged_out"]
        if left:
            await self._hand_over(left, tx)

    async def _hand_over(self, batch: Batch, tx: Tx) -> None:
        """Whoever comes next by the same browser may be somebody else."""
        fenced = await store.find_fenced(tx, {(one.space, one.body.record) for one in batch})
        facts = [(one, _observed(one.body)) for one in batch]
        gone = [
            (one.space, Release(f"{fact.id}#{told.type}", fact.t, Identifier(told.type, told.key)))
            for one, fact in facts
            if (one.space, fact.record) not in fenced
            for told in fact.told
            if FAMILIES[told.type] == "browser" and told.key is not None
        ]
        wanted = {(space, *release.identifier) for space, release in gone}
        books = await load(tx, self.rulebook.of, {one.space for one in batch}, wanted)
        for space, release in gone:
            if books[space].decision(release.id) is None:
                books[space].decide(release, release.t, "evidence")
        await save(tx, books.values(), self.key_of, {}, {})

    async def on_identity(self, batch: Batch, tx: Tx) -> None:
        """Who is who he said. A refused claim says nothing: its record has no user."""
        proven = [one for one in batch if isinstance(one.body, IdentityVerified)]
        await self._on_observations([(one, _observed(one.body)) for one in proven], tx)

    async def _on_observations(self, told: list[tuple[Received[Any], Observe]], tx: Tx) -> None:
        spaces = {received.space for received, _ in told}
        epochs = await self.lock(tx, spaces)
        news = [
            (received, fact)
            for received, fact in told
            if not self.known.says_nothing_new(received.space, fact, epochs[received.space])
        ]
        if not news:
            return
        fenced = await store.find_fenced(tx, {(one.space, fact.record) for one, fact in news})
        kept = []
        for received, fact in news:
            if (received.space, fact.record) in fenced:
                tx.suppress(received)
            else:
                kept.append((received, fact))
        retracted = await store.find_retracted(tx, {(one.space, fact.id) for one, fact in kept})
        wanted = {(one.space, *name) for one, fact in kept for name in _wanted(fact)}
        books = await load(tx, self.rulebook.of, spaces, wanted)
        causes: dict[int, Received[Any]] = {}
        for received, fact in kept:
            if (received.space, fact.id) not in retracted:
                blob = books[received.space].hear(fact)
                if blob is not None:
                    causes[id(blob)] = received
        await save(tx, books.values(), self.key_of, causes, {})
        self._remember(tx, books, {(one.space, fact.record) for one, fact in kept}, epochs)

    def _remember(
        self,
        tx: Tx,
        books: dict[str, Book],
        records: Iterable[tuple[str, str]],
        epochs: dict[str, int],
    ) -> None:
        standings = []
        for space, record in records:
            blob = books[space].find(record)
            standing = blob.standing(record) if blob is not None else None
            if standing is not None:
                standings.append((space, record, epochs[space], standing))

        def remember() -> None:
            for one in standings:
                self.known.remember(*one)

        tx.after_commit(remember)

    async def on_commands(self, batch: Batch, tx: Tx) -> None:
        """What people, keys and connected systems order: each is settled once, and the same way
        when it comes again.
        """
        spaces = {received.space for received in batch}
        await self.lock(tx, spaces)
        before = await store.find_settled(tx, {(one.space, one.body.command) for one in batch})
        fresh: dict[tuple[str, str], Received[Any]] = {}
        for received in batch:
            place = (received.space, received.body.command)
            if place in before:
                body = CommandSettled.model_validate_json(before[place])
                tx.emit(body, cause=received)
            else:
                # Twice in one batch: the first is decided, and its answer is for both.
                fresh.setdefault(place, received)
        if fresh:
            await self._decide_all(tx, spaces, list(fresh.values()))

    async def _decide_all(self, tx: Tx, spaces: set[str], batch: list[Received[Any]]) -> None:
        named = {(one.space, record) for one in batch for record in _records_of(one.body)}
        merges = await find_merges(
            tx, {(one.space, m) for one in batch for m in _merges_of(one.body)}
        )
        named |= {(space, one) for (space, _), m in merges.items() for one in records_in(m.sides)}
        facts = {(one.space, fact) for one in batch for fact in _facts_of(one.body)}
        homes = await store.find_homes(tx, facts)
        named |= {(space, record) for (space, _), record in homes.items()}
        fenced = await store.find_fenced(tx, named)
        retracted = await store.find_retracted(tx, facts)
        wanted: set[Wanted] = {(space, "record", record) for space, record in named}
        wanted |= await store.find_decisions(tx, facts)
        wanted |= {(one.space, *name) for one in batch for name in _names_in(one.body)}
        books = await load(tx, self.rulebook.of, spaces, wanted, fenced)
        settling = Settling(books, self._fact_id, retracted, merges, self.rulebook.policies)
        for received in batch:
            settling.decide(received)
        await store.insert_retracted(tx, settling.newly_retracted())
        await self._change_policies(tx, settling.new_policies())
        if settling.took_back:
            await store.raise_epochs(tx, spaces)
        saved = await save(
            tx, books.values(), self.key_of, settling.causes, settling.actors, settling.undone
        )
        rows = []
        for received, settled in settling.settle(saved):
            tx.emit(settled, cause=received)
            body = settled.model_dump_json()
            rows.append((settled.space, settled.command, settled.contact, body))
        await store.insert_settled(tx, rows)

    async def _change_policies(self, tx: Tx, policies: list[tuple[str, str, int]]) -> None:
        if policies:
            await store.change_policies(tx, policies)
            tx.after_commit(self.rules_changed.set)

    async def lock(self, tx: Tx, spaces: set[str]) -> dict[str, int]:
        """One writer per space, whichever stream it reads. The epoch of each, and its rules."""
        rows = await store.lock_spaces(tx, spaces)
        if len(rows) < len(spaces):
            await store.insert_spaces(tx, spaces)
            rows = await store.lock_spaces(tx, spaces)
        self.rulebook.note(rows)
        return {row["space"]: row["epoch"] for row in rows}

    def _fact_id(self, space: str, command: str) -> str:
        return fact_id(self.key_of(space), "separation", command)


def _observed(body: InteractionAccepted | IdentityVerified) -> Observe:
    if isinstance(body, InteractionAccepted):
        return bodies.observe(body.record, body.unit, body.observation, body.claim)
    return bodies.observe(
        body.record,
        body.unit,
        body.observation,
        body.claim,
        verdict=True,
        signed_at=body.signed_at,
    )


def _wanted(fact: Observe) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in names_of(fact)]


def _names_in(body: Command) -> list[tuple[str, str]]:
    """What a command may tie its record to."""
    match body:
        case ObserveRecord():
            return _wanted(bodies.observe(body.record, body.unit, body.observation))
        case EditContact():
            told = bodies.edit(body, body.contact, "", ()).told
            return [(one.type, one.key) for one in told if one.key is not None]
        case BlockIdentifier(identifier=one) | ReleaseIdentifier(identifier=one):
            return [(one.type, one.key)]
        case RevokeProof():
            return [("user", user) for user in body.users]
        case _:
            return []


def _records_of(body: Command) -> list[str]:
    match body:
        case ObserveRecord():
            return [body.record]
        case EditContact() | RevokeProof():
            return [body.contact]
        case LinkRecords():
            return [body.left, body.right]
        case SeparateRecords():
            return [record for side in body.sides for record in side.records]
        case _:
            return []


def _merges_of(body: Command) -> Sequence[str]:
    """Merges that a command takes back, by their own id or their link's."""
    match body:
        case SeparateRecords(merge=merge) if merge is not None:
            return [merge]
        case RetractFacts():
            return body.facts
        case _:
            return []


def _facts_of(body: Command) -> list[str]:
    match body:
        case ObserveRecord():
            return [body.observation.fact]
        case (
            EditContact()
            | SeparateRecords()
            | BlockIdentifier()
            | ReleaseIdentifier()
            | RevokeProof()
        ):
            return [body.fact]
        case LinkRecords():
            return [body.fact, *body.lift]
        case RetractFacts():
            return list(body.facts)
        case _:
            return []
