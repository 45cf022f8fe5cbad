"""The API as a back end meets it: the real app on a real database.

What the resolver would answer over Kafka is answered here by the simplest rules that settle a
command; the resolver itself is tested where it lives, and both together over the running stack.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx
from argon2 import PasswordHasher

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
from contacts_api.app import build
from contacts_api.settings import ContactsApiSettings
from contacts_api.state import State
from service_kit import http, migrate
from service_kit.packing import Packed
from service_kit.service import Runtime
from service_kit.testing import received, written
from tests.contacts_api.messages import held, record, snapshot

TOKEN: Final = "token of the tests"
PASSWORD: Final = "correct horse battery staple"


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
        messages = [_message(one) for one in new]
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


def _message(packed: Packed) -> Message:
    return BY_TYPE[packed.headers["type"]].model_validate_json(packed.body)


@dataclass
class Stage:
    """The running app; each test plays on it in a workspace of its own."""

    state: State
    runtime: Runtime
    resolver: Resolver
    transport: httpx.ASGITransport

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(
            transport=self.transport, base_url="http://kith.example", headers=headers
        )

    async def enter(self) -> "Front":
        name = uuid4().hex
        front = Front(self, name, f"ak_{name}{'k' * 11}", f"ak_{name}{'s' * 11}")
        await front.provide()
        return front


@dataclass
class Front:
    """One workspace, a key of its agent, and a key of another workspace."""

    stage: Stage
    name: str
    key: str
    second_key: str
    agent: str = ""
    space: str = ""

    def __post_init__(self) -> None:
        self.state, self.resolver = self.stage.state, self.stage.resolver
        self.client = self.stage.client
        self.api, self.second = self.client(self.key), self.client(self.second_key)
        self.slow_key = f"ak_{self.name}{'l' * 11}"
        self.login = f"{self.name}@example.com"

    async def emitted(self, type_: type[Message]) -> list[Any]:
        """What this workspace's agent sent to others, oldest first."""
        async with self.stage.runtime.pool.acquire() as connection:
            messages = [_message(one) for one in await written(connection)]
        return [m for m in messages if isinstance(m, type_) and m.space == self.space]

    async def provide(self) -> None:
        all_scopes = {"kind": "api", "scopes": "all"}
        slow = {"key": self.slow_key, "limits": {"api_per_key": 1, "api_burst": 2}}
        shop = {
            "agents": [
                {
                    "name": "Shop assistant", "region": "DE", "grace_days": 0,
                    "keys": [{**all_scopes, "key": self.key}, {**all_scopes, **slow}],
                }
            ],
            "users": [{"login": self.login, "password": PASSWORD, "role": "admin"}],
        }  # fmt: skip
        other = {"agents": [{"name": "Other", "keys": [{**all_scopes, "key": self.second_key}]}]}
        installer = self.client(TOKEN)
        for name, body in ((f"{self.name}-other", other), (self.name, shop)):
            answer = await installer.put(f"/internal/v1/workspaces/{name}", json=body)
            assert answer.status_code == httpx.codes.OK, answer.text
        [made] = answer.json()["agents"]
        self.agent, self.space = made["id"], made["space"]


def settings_for(database: str, secret: str, **changes: Any) -> ContactsApiSettings:
    return ContactsApiSettings(
        **{
            "kafka_bootstrap": "127.0.0.1:1",
            "service_postgres_dsn": migrate.service_dsn(database, "contacts_api", secret),
            "secret": secret,
            "service_token": TOKEN,
            "pool_min_size": 1,
            "pool_max_size": 6,
            "limits_multiplier": 50,
            **changes,
        }
    )


@contextlib.asynccontextmanager
async def open_stage(
    database: str, secret: str, resolving: Callable[[State], Any] = Resolver, **changes: Any
) -> AsyncIterator[Stage]:
    service = build(settings_for(database, secret, **changes))
    state: State = service.state
    # As cheap as the library allows: every test makes a person.
    state.passwords = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    runtime = Runtime(service)
    await runtime.open()
    resolver = resolving(state)
    state.runtime = runtime
    tasks = [
        asyncio.create_task(state.attached()(runtime)),
        asyncio.create_task(resolver.run(runtime)),
    ]
    try:
        transport = httpx.ASGITransport(http.build_app(service, runtime))
        yield Stage(state, runtime, resolver, transport)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await state.neighbours.aclose()
        await runtime.close()


async def create(front: Front, **body: Any) -> dict[str, Any]:
    answer = await front.api.post("/v1/contacts", json=body)
    assert answer.is_success, answer.text
    return dict(answer.json())


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The document of a refusal of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    return body
