"""The resolver itself in place of Kafka and a stand-in: its handlers on its own schema."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from contact_schema.commands import Command
from contact_schema.envelope import Message
from contact_schema.interactions import IdentityVerified, InteractionAccepted
from contacts_api import handlers
from merge_resolver.app import make
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from merge_resolver.rulebook import rules_from
from merge_resolver.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Runtime
from service_kit.testing import received
from tests.contacts_api.front import TOKEN
from tests.contacts_api.settling import Resolver

DOOR = "http://resolver.example"


@dataclass
class RealResolver(Resolver):
    """Orders are decided by the definition; what is asked at once goes to its door."""

    runtime: Any = None
    streams: Any = None
    door: Any = None
    heard: list[Message] = field(default_factory=list)

    async def open(self, database: str, secret: str) -> None:
        settings = Settings(
            kafka_bootstrap="127.0.0.1:1",
            service_postgres_dsn=migrate.service_dsn(database, "merge_resolver", secret),
            secret=secret,
            service_token=TOKEN,
            pool_min_size=1,
            pool_max_size=3,
        )
        service = make(settings)
        agents = service.replicas["settings"]
        agents.complete.set()
        self.runtime = Runtime(service)
        await self.runtime.open()
        self.streams = Streams(secret, rules_from(agents), KnownRecords(100))
        self.door = httpx.ASGITransport(build_app(service, self.runtime))
        self.state.neighbours = httpx.AsyncClient(mounts={DOOR: self.door})

    async def hear(self, message: InteractionAccepted) -> None:
        """An event of a visitor."""
        await self._pass_on(message, self.streams.on_interactions)

    async def prove(self, message: IdentityVerified) -> None:
        """He is who he said."""
        await self._pass_on(message, self.streams.on_identity)

    async def _answer(self, command: Command) -> None:
        await self._pass_on(command, self.streams.on_commands)

    async def _pass_on(self, message: Any, handler: Any) -> None:
        async with self.runtime.transaction([message.space]) as tx:
            await handler([received(message)], tx)
            sent: Sequence[Message] = list(tx.emitted)
        self.heard += sent
        async with self.state.transaction(message.space) as tx:
            batch = [received(one) for one in sent]
            await handlers.on_changes(batch, tx, settled=self.state.settlements.settled)
