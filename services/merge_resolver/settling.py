"""The commands of one batch: decided in order, answered when the batch is through."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from contact_schema.changes import CommandSettled
from contact_schema.commands import Command, RevokeProof
from contact_schema.settings import Policies
from merge_resolver.domain.decisions import Desk
from merge_resolver.domain.edits import outranked
from merge_resolver.domain.ends import Done
from merge_resolver.domain.separations import Merged
from merge_resolver.domain.working import Blob, Book
from merge_resolver.saving import Saved
from merge_resolver.store import Key
from service_kit.tx import Received

FactId = Callable[[str, str], str]


@dataclass(slots=True)
class Settling:
    books: dict[str, Book]
    fact_id: FactId
    retracted: Collection[Key]
    merges: Mapping[Key, Merged]
    """Those that commands name, by merge and by link."""
    policies_of: Callable[[str], Policies | None] = lambda _: None
    causes: dict[int, Received[Any]] = field(default_factory=dict)
    took_back: bool = False
    """Facts were removed: what is remembered of records no longer holds."""
    _desks: dict[str, Desk] = field(default_factory=dict)
    _done: list[tuple[Received[Any], Done]] = field(default_factory=list)

    def decide(self, received: Received[Any]) -> None:
        space = received.space
        desk = self._desks.get(space)
        if desk is None:
            desk = self._desks[space] = self._open(space)
        before = len(desk.retracted)
        done = desk.decide(received.body)
        self.took_back = self.took_back or len(desk.retracted) > before or _weakens(received.body)
        self._done.append((received, done))
        for record in (done.record, *done.parts):
            blob = self.books[space].find(record) if record else None
            if blob is not None:
                self.causes[id(blob)] = received

    def _open(self, space: str) -> Desk:
        return Desk(
            book=self.books[space],
            fact_id=lambda command: self.fact_id(space, command),
            merges={name: one for (where, name), one in self.merges.items() if where == space},
            retracted={fact for where, fact in self.retracted if where == space},
            policies=self.policies_of(space),
        )

    @property
    def actors(self) -> dict[str, str]:
        return {link: who for desk in self._desks.values() for link, who in desk.actors.items()}

    @property
    def undone(self) -> set[Key]:
        """The merges that commands have taken back."""
        return {(one.space, done.undone) for one, done in self._done if done.undone is not None}

    def new_policies(self) -> list[tuple[str, str, int]]:
        """Of the spaces whose rules a command has changed, and when."""
        return [
            (space, desk.new_policies[0].model_dump_json(), desk.new_policies[1])
            for space, desk in sorted(self._desks.items())
            if desk.new_policies is not None
        ]

    def newly_retracted(self) -> list[Key]:
        found = {(space, one) for space, desk in self._desks.items() for one in desk.retracted}
        return sorted(found.difference(self.retracted))

    def settle(self, saved: Saved) -> Iterator[tuple[Received[Any], CommandSettled]]:
        created: set[tuple[str, str]] = set()
        for received, done in self._done:
            command, space = received.body, received.space
            contact = self._contact(saved, space, done.record)
            outcome = done.outcome
            if outcome == "created" and contact is not None:
                if (space, contact) in created or self._was_there(space, contact):
                    outcome = "updated"
                created.add((space, contact))
            blob = self.books[space].find(done.record) if done.record else None
            parts = {self._contact(saved, space, one) for one in done.parts}
            yield (
                received,
                CommandSettled(
                    space=space,
                    command=command.command,
                    outcome=cast(Any, outcome),
                    contact=contact,
                    contacts=tuple(sorted(one for one in parts if one is not None)),
                    merge=saved.merges.get(done.link or "") or done.undone,
                    version=_version(blob, contact),
                    code=done.code,
                    outranked=self._outranked(blob, done),
                ),
            )

    def _contact(self, saved: Saved, space: str, record: str | None) -> str | None:
        if record is None:
            return None
        known = saved.contact_of.get((space, record))
        if known is not None:
            return known
        blob = self.books[space].find(record)
        found = blob.contact_with(record) if blob is not None else None
        return None if found is None else found.id

    def _was_there(self, space: str, contact: str) -> bool:
        """Whether any record of the contact was known before this batch."""
        blob = self.books[space].find(contact)
        found = blob.contact_with(contact) if blob is not None else None
        return (
            blob is not None
            and found is not None
            and any(record.id in blob.records for record in found.records)
        )

    def _outranked(self, blob: Blob | None, done: Done) -> tuple[str, ...]:
        if blob is None or done.told is None or done.record is None:
            return ()
        contact = blob.contact_with(done.record)
        return () if contact is None else outranked(done.told, contact, blob)


def _weakens(command: Command) -> bool:
    """What a record is known to have proven may not be proven any more."""
    return isinstance(command, RevokeProof)


def _version(blob: Blob | None, contact: str | None) -> int | None:
    stored = blob.contacts.get(contact) if blob is not None and contact is not None else None
    return stored.version if stored is not None and stored.version else None
