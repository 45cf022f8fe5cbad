"""The dashboard as a browser meets it: the real app over a real database, without a broker."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import httpx
from argon2 import PasswordHasher

from contact_schema.changes import (
    Audience,
    CommandSettled,
    ContactChanged,
    ContactRecord,
    ContactsMerged,
    HeldIdentifier,
    Snapshot,
)
from contact_schema.envelope import Message
from contact_schema.interactions import InteractionAccepted, InteractionDetail
from contact_schema.observations import Observation
from contacts_api.dashboard.routes import build_router
from contacts_api.domain.principal import Role
from contacts_api.handlers import on_changes, on_crm, on_interactions
from contacts_api.settings import ContactsApiSettings
from contacts_api.state import SIGN_INS_PER_MINUTE, State
from contacts_api.store import workspaces
from service_kit import http, migrate
from service_kit.limits import TokenBucket
from service_kit.service import Runtime, Service
from service_kit.testing import received, written
from tests.conftest import at

ORIGIN = "http://kith.example"
PASSWORD = "correct horse battery staple"
SPACE, AGENT = "space_1", "agent_1"
NOW = datetime.now(UTC)
# As cheap as the library allows: the tests sign in often.
PASSWORDS = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def contact_id(n: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return f"contact_{'a' * 24}{letters[n // 26]}{letters[n % 26]}"


def settings_for(database: str, secret: str) -> ContactsApiSettings:
    return ContactsApiSettings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=migrate.service_dsn(database, "contacts_api", secret),
        secret=secret,
        service_token="token of the tests",
        settle_seconds=0.05,
        pool_min_size=1,
        pool_max_size=4,
    )


@dataclass
class Site:
    """The running app, and what fills its read side as the resolver and ingest would."""

    state: State
    runtime: Runtime
    transport: httpx.ASGITransport

    @classmethod
    @asynccontextmanager
    async def on_a_copy_of(cls, template: str, server: str, secret: str) -> AsyncIterator["Site"]:
        """A site with a database of its own, for a whole module: pages change little."""
        name = f"kith_site_{uuid4().hex[:12]}"
        administrator = await asyncpg.connect(server)
        try:
            await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            site = await cls._open(at(server, name), secret)
            try:
                yield site
            finally:
                await site.runtime.close()
                await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await administrator.close()

    @classmethod
    async def _open(cls, database: str, secret: str) -> "Site":
        settings = settings_for(database, secret)
        state = State(settings, passwords=PASSWORDS)
        router = build_router(state.secret_key("dashboard"), settings.dashboard_url)
        service = Service("contacts_api", settings, routers=[router], state=state)
        runtime = Runtime(service)
        await runtime.open()
        state.runtime = runtime
        site = cls(state, runtime, httpx.ASGITransport(http.build_app(service, runtime)))
        await site._found()
        return site

    def forget_tries(self) -> None:
        """Each test may try to sign in five times."""
        self.state.sign_ins = TokenBucket(SIGN_INS_PER_MINUTE / 60, SIGN_INS_PER_MINUTE)

    async def _found(self) -> None:
        async with self.state.transaction() as tx:
            await workspaces.upsert_workspace(tx, "workspace_1", "Shop")
            await workspaces.upsert_space(tx, SPACE, "workspace_1", "Shop")
            ids = (AGENT, "workspace_1", SPACE)
            await workspaces.upsert_agent(tx, ids, "Support bot", "DE", 0, ("{}", "{}"))
            for role in ("viewer", "agent", "admin"):
                await workspaces.upsert_user(
                    tx, f"user_{role}", "workspace_1", role, PASSWORDS.hash(PASSWORD), role
                )

    async def take(self, *messages: Message) -> None:
        """What came over the topics."""
        batch = [received(message) for message in messages]
        handlers = {
            "contacts.changes.v1": on_changes,
            "contacts.interactions.v1": on_interactions,
            "contacts.crm.v1": on_crm,
        }
        async with self.state.transaction(SPACE) as tx:
            for topic, handler in handlers.items():
                part = [item for item in batch if item.topic == topic]
                if part:
                    await handler(part, tx)
        ends = [m.command for m in messages if isinstance(m, CommandSettled)]
        self.state.settlements.settled(ends)

    async def answering(
        self, form: Coroutine[Any, Any, httpx.Response], kind: str, *changes: Message, **end: Any
    ) -> httpx.Response:
        """The answer to a form whose command the resolver settles: with these changes, so."""
        known = len(await self.emitted(kind))
        settings = self.state.settings
        self.state.settings = settings.model_copy(update={"settle_seconds": 10.0})
        sending = asyncio.create_task(form)
        try:
            orders = await self._next_order(kind, known, sending)
            command = json.loads(orders[-1])["command"]
            await self.take(*changes, CommandSettled(space=SPACE, command=command, **end))
            return await sending
        finally:
            self.state.settings = settings

    async def _next_order(
        self, kind: str, known: int, sending: asyncio.Task[httpx.Response]
    ) -> list[str]:
        # Looks again for as long as the form is under way: an order is a row, nobody announces it.
        while not sending.done():
            orders = await self.emitted(kind)
            if len(orders) > known:
                return orders
            await asyncio.wait([sending], timeout=0.01)
        raise AssertionError(f"nothing was ordered: {sending.result().status_code}")

    async def emitted(self, type_: str) -> list[str]:
        """Bodies of this type in the outbox, oldest first."""
        async with self.runtime.pool.acquire() as connection:
            messages = await written(connection)
        return [m.body.decode() for m in messages if m.headers["type"] == type_]

    async def ordered(self, kind: str) -> dict[str, Any]:
        """The newest message of this type."""
        return dict(json.loads((await self.emitted(kind))[-1]))

    def browser(self) -> "Browser":
        return Browser(httpx.AsyncClient(transport=self.transport, base_url=ORIGIN))

    async def signed_in(self, role: Role = "admin") -> "Browser":
        browser = self.browser()
        answer = await browser.sign_in(role)
        assert answer.status_code == httpx.codes.SEE_OTHER
        return browser


def changed(n: int, **given: Any) -> ContactChanged:
    """The nth contact with one record of its own id."""
    contact = contact_id(n)
    fields: dict[str, Any] = {"kind": "lead", "email": f"person{n}@example.com", **given}
    email = fields["email"]
    held = (
        [HeldIdentifier(
            type="email", key=email.lower(), value=email, proof="asserted", primary=True,
            first_seen_at=NOW, last_seen_at=NOW,
        )]
        if email else []
    )  # fmt: skip
    snapshot = Snapshot(
        contact=contact,
        identifiers=tuple(held),
        audience=Audience(value=fields.pop("audience", "public"), source="default"),
        created_at=NOW - timedelta(days=n),
        **fields,
    )
    record = ContactRecord(record=contact, unit=f"unit_{n}")
    return ContactChanged(space=SPACE, snapshot=snapshot, joined=(record,))


def merged(into: int, absorbed: int, merge: str, days_ago: int = 0) -> list[Any]:
    """The nth contact joins another: by hand, some days ago."""
    joined = ContactRecord(record=contact_id(absorbed), unit=f"unit_{absorbed}")
    change = changed(into, name=f"Survivor {into}")
    return [
        ContactChanged(space=SPACE, snapshot=change.snapshot, joined=(*change.joined, joined)),
        ContactsMerged(
            space=SPACE, merge=merge, into=contact_id(into), absorbed=(contact_id(absorbed),),
            cause="operator", link=f"fact_{merge}", actor="user_agent",
            at=NOW - timedelta(days=days_ago),
        ),
    ]  # fmt: skip


def said(n: int, text: str, minutes_ago: int, event: str, direction: Any = "inbound") -> Message:
    """A message in the nth contact's conversation."""
    at = NOW - timedelta(minutes=minutes_ago)
    return InteractionAccepted(
        space=SPACE,
        agent=AGENT,
        event_id=event,
        record=contact_id(n),
        unit=f"unit_{n}",
        claim=None,
        type="message",
        channel="widget",
        conversation=f"conversation_{n}",
        session=None,
        observation=Observation(fact=f"fact_{event}", at=at, occurred_at=at),
        detail=InteractionDetail(message_id=event, direction=direction, text=text),
    )


@dataclass
class Browser:
    """A client that keeps cookies and sends forms as a browser would: with origin and token."""

    client: httpx.AsyncClient
    last: httpx.Response | None = field(default=None, repr=False)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        self.last = await self.client.get(path, headers=headers)
        return self.last

    async def send(
        self,
        path: str,
        fields: dict[str, str],
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """The form with the token of the page that was opened last."""
        known = token if token is not None else self.token()
        body = urlencode({"csrf": known, **fields})
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(
            path,
            content=body,
            headers={**sent, **({"Origin": ORIGIN} if headers is None else headers)},
        )

    def token(self) -> str:
        assert self.last is not None, "open a page first"
        found = re.search(r'name="csrf" value="([^"]+)"', self.last.text)
        return found[1] if found else ""

    async def sign_in(
        self, login: str, password: str = PASSWORD, next_: str = "/"
    ) -> httpx.Response:
        await self.get("/login")
        fields = {"login": login, "password": password, "next": next_}
        answer = await self.send("/login", fields)
        if answer.status_code == httpx.codes.SEE_OTHER:
            await self.get("/a/" + AGENT + "/contacts")
        return answer


def links(html: str) -> Sequence[str]:
    """Names in the list, in their order."""
    return re.findall(r'<a id="c-[^"]*" href="[^"]*"><bdi>(.*?)</bdi></a>', html)
