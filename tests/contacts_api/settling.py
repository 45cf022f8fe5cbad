"""What the resolver would answer over Kafka, by the simplest rules that settle a command."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contact_schema.changes import (
    Audience,
    CommandSettled,
    ContactChanged,
    ContactCreated,
    ContactsMerged,
    ContactSplit,
    Snapshot,
)
from contact_schema.commands import (
    Command,
    EditContact,
    LinkRecords,
    ObserveRecord,
    RetractFacts,
    SeparateRecords,
)
from contact_schema.envelope import Message
from contact_schema.messages import BY_TYPE
from contacts_api import handlers
from contacts_api.state import State
from service_kit.packing import Packed
from service_kit.service import Runtime
from service_kit.testing import received, written
from tests.contacts_api.messages import held, record, snapshot


@dataclass
class Resolver:
    """Settles commands: a record is a contact, an operator's link makes two one."""

    state: State
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    links: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    joined: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By merge: what evidence joined."""
    undone_too: tuple[str, ...] = ()
    seen: int = 0
    paused: bool = False
    elsewhere: bool = False
    """Settles as another copy of the service would: nobody here is told."""

    async def run(self, runtime: Runtime) -> None:
        while True:
            await asyncio.sleep(0.002)
            if self.paused:
                continue
            for command in await self._ordered(runtime):
                await self._answer(command)

    async def _ordered(self, runtime: Runtime) -> list[Command]:
        async with runtime.pool.acquire() as connection:
            new = await written(connection, after=self.seen)
        if new:
            self.seen = new[-1].sequence
        messages = [message_of(one) for one in new]
        return [message for message in messages if isinstance(message, Command)]

    async def _answer(self, command: Command) -> None:
        messages = self._decide(command)
        batch = [received(message) for message in messages]
        for taken in batch:
            if isinstance(taken.body, ContactChanged):
                self.versions[taken.body.snapshot.contact] = taken.sequence
        settled = self.state.settlements.settled
        async with self.state.transaction(command.space) as tx:
            await handlers.on_changes(
                batch, tx, settled=(lambda _: None) if self.elsewhere else settled
            )

    def _decide(self, command: Command) -> Sequence[Message]:
        match command:
            case ObserveRecord():
                return self._observe(command)
            case EditContact():
                return self._edit(command)
            case LinkRecords(left=left, right=right):
                into = command.survivor or right
                gone = left if into == right else right
                self.links[command.fact] = (f"merge_{command.fact[-8:]}", into, gone)
                return [
                    self._changed(command, into, joined=(gone,)),
                    ContactsMerged(
                        space=command.space, merge=f"merge_{command.fact[-8:]}", into=into,
                        absorbed=(gone,), cause="operator", link=command.fact,
                        actor=command.actor.id, at=command.at,
                    ),
                    _settled(
                        command, "updated", into, merge=f"merge_{command.fact[-8:]}"
                    ),
                ]  # fmt: skip
            case RetractFacts(facts=(fact,)):
                merge, into, gone = self.links[fact]
                return [
                    self._changed(command, into, left=(gone,)),
                    self._changed(command, gone, joined=(gone,)),
                    ContactSplit(
                        space=command.space, contact=into, parts=(into, gone), cause="undo",
                        undone=merge, at=command.at,
                    ),
                    _settled(command, "updated", into, contacts=(into, gone)),
                ]  # fmt: skip
            case SeparateRecords(merge=merge) if merge is not None:
                into, gone = self.joined[merge]
                return [
                    self._changed(command, into, left=(gone,)),
                    self._changed(command, gone, joined=(gone,)),
                    ContactSplit(
                        space=command.space, contact=into, parts=(into, gone), cause="undo",
                        undone=merge, undone_too=self.undone_too, at=command.at,
                    ),
                    _settled(command, "updated", into, contacts=(into, gone)),
                ]  # fmt: skip
        return []

    async def join(self, space: str, merge: str, into: str, gone: str, **more: Any) -> None:
        """What evidence joined, without an order."""
        self.joined[merge] = (into, gone)
        merged = ContactsMerged(
            space=space, merge=merge, into=into, absorbed=(gone,),
            **{"cause": "evidence", "at": self.state.now(), **more},
        )  # fmt: skip
        changed = ContactChanged(space=space, snapshot=self.snapshots[into], joined=(record(gone),))
        await self.tell(changed, merged)

    async def tell(self, *messages: Message) -> None:
        """What nobody here has ordered."""
        async with self.state.transaction(messages[0].space) as tx:
            await handlers.on_changes([received(one) for one in messages], tx)

    def _observe(self, command: ObserveRecord) -> Sequence[Message]:
        seen = command.observation
        fields = {n: v for n, v in seen.fields.items() if n in {"name", "company"}}
        by_type = {i.type: i for i in seen.identifiers}
        after = snapshot(
            command.record,
            **fields,
            kind="customer" if "user" in by_type else "lead",
            external_id=by_type["user"].given if "user" in by_type else None,
            email=by_type["email"].given if "email" in by_type else None,
            identifiers=tuple(
                held(i.type, i.given, i.key) for i in seen.identifiers if i.type != "user"
            ),
            custom_attributes={
                n.removeprefix("attr."): v for n, v in seen.fields.items() if n[:5] == "attr."
            },
            tags=seen.tags,
        )
        before = self.snapshots.get(command.record)
        if before == after:
            return [_settled(command, "unchanged", command.record)]
        self.snapshots[command.record] = after
        outcome: Any = "created" if before is None else "updated"
        created = ContactCreated(space=command.space, contact=command.record, kind=after.kind)
        return [
            created,
            self._changed(command, command.record, joined=(command.record,)),
            _settled(command, outcome, command.record),
        ]

    def _edit(self, command: EditContact) -> Sequence[Message]:
        version = self.versions.get(command.contact)
        if command.expected_version not in {None, version}:
            return [_settled(command, "refused", command.contact, code="version-conflict")]
        fields = {n: v for n, v in command.fields.items() if n in {"name", "company"}}
        if "audience" in command.fields:
            value = command.fields["audience"]
            fields["audience"] = Audience(value=value or "public", source="api")
        before = self.snapshots[command.contact]
        tags = before.tags if command.replace_tags is None else command.replace_tags
        kept = tuple(tag for tag in tags if tag not in command.remove_tags)
        fields["tags"] = (*kept, *command.add_tags)
        self.snapshots[command.contact] = before.model_copy(update=fields)
        return [
            self._changed(command, command.contact),
            _settled(command, "updated", command.contact),
        ]

    def _changed(
        self, command: Command, contact: str, joined: Sequence[str] = (), left: Sequence[str] = ()
    ) -> ContactChanged:
        return ContactChanged(
            space=command.space, snapshot=self.snapshots[contact],
            joined=tuple(record(name) for name in joined), left=tuple(left),
        )  # fmt: skip


def _settled(command: Command, outcome: Any, contact: str, **fields: Any) -> CommandSettled:
    return CommandSettled(
        space=command.space, command=command.command, outcome=outcome, contact=contact, **fields
    )


def message_of(packed: Packed) -> Message:
    return BY_TYPE[packed.headers["type"]].model_validate_json(packed.body)
