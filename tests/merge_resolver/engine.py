"""The resolver's handlers on a transaction, driven like a stream would."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from contact_schema.changes import CommandSettled, ContactChanged, Snapshot
from contact_schema.commands import (
    Actor,
    Command,
    EditContact,
    LinkRecords,
    ObserveRecord,
    Owner,
    RetractFacts,
    SeparateRecords,
)
from contact_schema.envelope import Message
from contact_schema.interactions import IdentityVerified, InteractionAccepted
from contact_schema.observations import Observation, ObservedIdentifier
from merge_resolver.domain import Rules
from merge_resolver.erasing import Erasing
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from service_kit.testing import received
from service_kit.tx import Sequenced, Tx

SPACE = "space_test"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEAM = Actor(kind="user", id="user_ops")
KEY = Actor(kind="key", id="key_1")
M = TypeVar("M", bound=Message)
C = TypeVar("C", bound=Command)

_numbers = itertools.count()


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def told(kind: Any, key: str | None, proof: Any = "typed", given: str = "") -> ObservedIdentifier:
    return ObservedIdentifier(type=kind, key=key, given=given or key or "", proof=proof)


def observation(minute: int, *identifiers: ObservedIdentifier, **more: Any) -> Observation:
    name = more.pop("fact", f"fact_{next(_numbers)}")
    return Observation(
        fact=name, at=at(minute), occurred_at=at(minute), identifiers=identifiers, **more
    )


def event(
    record: str, minute: int, *identifiers: ObservedIdentifier, unit: str = "", **more: Any
) -> InteractionAccepted:
    space, kind = more.pop("space", SPACE), more.pop("type", "message")
    return InteractionAccepted(
        space=space,
        agent="agent_1",
        event_id=f"e{next(_numbers)}",
        record=record,
        unit=unit or f"unit_{record}",
        claim=None,
        type=kind,
        channel="widget",
        conversation=None,
        session=None,
        observation=observation(minute, *identifiers, **more),
    )


def verified(
    record: str,
    minute: int,
    user: str,
    *identifiers: ObservedIdentifier,
    unit: str = "",
    **more: Any,
) -> IdentityVerified:
    return IdentityVerified(
        space=SPACE,
        agent="agent_1",
        claim=f"claim_{record}",
        record=record,
        unit=unit or f"unit_{record}",
        user=user,
        proof="proven",
        method="hash",
        observation=observation(
            minute, told("user", user, "proven"), *identifiers, field_class="self", **more
        ),
    )


def row(record: str, minute: int, *identifiers: ObservedIdentifier, **more: Any) -> ObserveRecord:
    version = more.pop("expected_version", None)
    return ObserveRecord(
        space=SPACE,
        command=f"cmd_{next(_numbers)}",
        actor=KEY,
        at=at(minute),
        record=record,
        unit=f"unit_{record}",
        observation=observation(minute, *identifiers, field_class="system", **more),
        expected_version=version,
    )


def edit(contact: str, minute: int, *, actor: Actor = TEAM, **more: Any) -> EditContact:
    number = next(_numbers)
    return EditContact(
        space=SPACE,
        command=f"cmd_{number}",
        actor=actor,
        at=at(minute),
        contact=contact,
        fact=f"fact_{number}",
        **more,
    )


def link(left: str, right: str, minute: int, **more: Any) -> LinkRecords:
    number = next(_numbers)
    return LinkRecords(
        space=SPACE,
        command=f"cmd_{number}",
        actor=TEAM,
        at=at(minute),
        fact=more.pop("fact", f"fact_link{number}"),
        left=left,
        right=right,
        **more,
    )


def undo(
    fact: str, minute: int, *, keep_apart: bool = False, owners: Sequence[Owner] = ()
) -> RetractFacts:
    return RetractFacts(
        space=SPACE,
        command=f"cmd_{next(_numbers)}",
        actor=TEAM,
        at=at(minute),
        facts=(fact,),
        keep_apart=keep_apart,
        owners=tuple(owners),
    )


def separate_merge(merge: str, minute: int, *owners: Owner) -> SeparateRecords:
    """The undo of a merge that evidence made."""
    number = next(_numbers)
    return SeparateRecords(
        space=SPACE,
        command=f"cmd_{number}",
        actor=TEAM,
        at=at(minute),
        fact=f"fact_cut{number}",
        merge=merge,
        owners=owners,
    )


def ordered(kind: type[C], minute: int, **fields: Any) -> C:
    """A command of this kind, by somebody of the team."""
    name = f"cmd_{next(_numbers)}"
    return kind(space=SPACE, command=name, actor=TEAM, at=at(minute), **fields)


@dataclass
class Engine:
    """What a process does, batch by batch, in one transaction that is never committed."""

    tx: Tx
    streams: Streams = field(
        default_factory=lambda: Streams("secret", lambda _space: Rules(), KnownRecords(1000))
    )

    sequences: dict[str, int] = field(default_factory=dict)
    """By contact: under which number its last snapshot travelled."""

    async def take(self, *messages: Message) -> list[Message]:
        """One batch. What was sent because of it."""
        start = len(self.tx.emitted)
        await self.handle(messages)
        await self.commit()
        return self.tx.emitted[start:]

    async def handle(self, messages: Sequence[Message]) -> None:
        """As `take`, but it is not committed."""
        handler: Any = self.streams.on_commands
        if isinstance(messages[0], InteractionAccepted):
            handler = self.streams.on_interactions
        elif isinstance(messages[0], IdentityVerified):
            handler = self.streams.on_identity
        elif messages[0].TOPIC == "contacts.erasure.v1":
            handler = Erasing(self.streams).on_erasure
        await handler([received(message) for message in messages], self.tx)

    async def commit(self) -> None:
        """As the kit does it, but for the commit itself."""

        async def note(_tx: Tx, sequenced: Sequenced) -> None:
            for message, sequence in sequenced:
                if isinstance(message, ContactChanged):
                    self.sequences[message.snapshot.contact] = sequence

        self.tx.after_sequencing(note)
        await self.tx.finish()
        self.tx.committed()
        self.tx._outgoing.clear()
        self.tx._sequencing.clear()
        self.tx._committed.clear()

    async def settle(self, command: Message) -> CommandSettled:
        return one_of(await self.take(command), CommandSettled)

    def contacts(self) -> dict[str, Snapshot]:
        """The contacts as a reader has them from the messages alone."""
        latest = {one.snapshot.contact: one.snapshot for one in self._changes()}
        return {one: latest[one] for one in sorted(self.records())}

    def records(self) -> dict[str, set[str]]:
        """The records of each contact, as a reader has them."""
        held: dict[str, str] = {}
        for message in self._changes():
            contact = message.snapshot.contact
            held |= {one.record: contact for one in message.joined}
            for record in message.left:
                if held.get(record) == contact:
                    del held[record]
        found: dict[str, set[str]] = {}
        for record, contact in held.items():
            found.setdefault(contact, set()).add(record)
        return found

    def _changes(self) -> list[ContactChanged]:
        return all_of(self.tx.emitted, ContactChanged)


def all_of(messages: list[Message], kind: type[M]) -> list[M]:
    return [message for message in messages if isinstance(message, kind)]


def one_of(messages: list[Message], kind: type[M]) -> M:
    found = all_of(messages, kind)
    assert len(found) == 1
    return found[0]
