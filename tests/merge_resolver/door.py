"""The resolver's internal door, open, on a database of its own."""

from dataclasses import dataclass
from typing import Any

import httpx

from contact_schema.envelope import Message
from contact_schema.interactions import IdentityVerified, InteractionAccepted
from merge_resolver.handlers import Streams
from service_kit.service import Runtime
from service_kit.testing import received
from tests.merge_resolver.engine import (
    SPACE,
    event,
    row,
    told,
)

TOKEN = "a service token of the tests"
ADA = "ada@example.com"


@dataclass
class Door:
    """The resolver as it runs, and its door."""

    runtime: Runtime
    client: httpx.AsyncClient
    streams: Streams

    async def take(self, *messages: Message) -> list[Message]:
        """Each in a batch of its own, committed."""
        sent: list[Message] = []
        for message in messages:
            handler: Any = self.streams.on_commands
            if isinstance(message, InteractionAccepted):
                handler = self.streams.on_interactions
            elif isinstance(message, IdentityVerified):
                handler = self.streams.on_identity
            async with self.runtime.transaction([SPACE]) as tx:
                await handler([received(message)], tx)
                sent += tx.emitted
        return sent

    async def preview(self, kind: str, order: Message) -> dict[str, Any]:
        answer = await self.client.post(f"/previews/{kind}", json=order.model_dump(mode="json"))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = await self.client.get(path, params={"space": SPACE} | parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def three_in_a_row(door: Door) -> None:
    """contact_a – e-mail – contact_b – slack – contact_c"""
    slack = told("slack", "T1:U1", "proven")
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted"), fields={"name": "Ada"}),
        event("contact_b", 1, told("email", ADA), slack),
        event("contact_c", 2, slack),
    )
