"""The steady stream: people in several spaces, each one's events in order, until told to stop.

A call without an answer is made again with the same events until it is answered: only then is the
next one of these people sent, so the order as sent is known.
"""

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from contact_schema.records import fact_id
from kith.faults.calls import client
from kith.faults.ledger import Ledger, Sent

PEOPLE_PER_STREAM = 6
TIMEOUT_SECONDS = 5.0
_AGAIN_SECONDS = 0.2
_FIRST_AT = datetime(2026, 1, 1, tzinfo=UTC)


class DoorRefused(Exception):
    """A good event was called bad, or was not counted: its sender would give it up."""


@dataclass(frozen=True)
class Agent:
    """One agent in a space of its own."""

    id: str
    space: str
    key: str = field(repr=False)
    space_key: bytes = field(repr=False, default=b"")

    def door_id(self, marker: str) -> str:
        """Under which the door remembers an event."""
        return fact_id(self.space_key, "event", self.id, marker)


@dataclass
class Load:
    """One stream for each agent; `rate` is events a second over all."""

    ledger: Ledger
    ingest: str
    agents: list[Agent]
    rate: float
    seed: int
    repeat: bool = False
    """Send each batch a second time, and some events twice within one."""
    late: bool = False
    """Every third event says that it happened hours before."""
    _running: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _rounds: int = 0

    def start(self) -> None:
        """New people come; those of earlier rounds do not come back."""
        self._running = True
        self._rounds += 1
        for number, agent in enumerate(self.agents):
            dice = random.Random(f"{self.seed}/{self._rounds}/{number}")
            self._tasks.append(asyncio.create_task(self._stream(agent, dice)))

    async def stop(self) -> None:
        """Returns once every call was answered."""
        self._running = False
        tasks, self._tasks = self._tasks, []
        await asyncio.gather(*tasks)

    async def send_one(self, agent: Agent) -> str:
        """A person that nobody knew, accepted; the conversation to find him by."""
        person = Person.nobody_knew()
        await self.send(agent, [person.speaks(agent, late=False)])
        return person.name

    async def send(self, agent: Agent, batch: list[tuple[Sent, dict[str, Any]]]) -> None:
        """Beside the stream; returns once it was accepted."""
        async with self._client(agent) as caller:
            await self._until_accepted(caller, agent, batch)

    async def _stream(self, agent: Agent, dice: random.Random) -> None:
        people = [
            Person(f"p{dice.getrandbits(48):012x}{self._rounds}") for _ in range(PEOPLE_PER_STREAM)
        ]
        pause = len(people) * len(self.agents) / self.rate
        async with self._client(agent) as caller:
            while self._running:
                await asyncio.sleep(pause * dice.uniform(0.5, 1.5))
                batch = [
                    person.speaks(agent, late=self.late and dice.random() < 0.33)
                    for person in people
                ]
                if self.repeat:
                    batch.append(dice.choice(batch))
                await self._until_accepted(caller, agent, batch)
                if self.repeat:
                    await self._until_accepted(caller, agent, batch)

    def _client(self, agent: Agent) -> httpx.AsyncClient:
        return client(self.ingest, agent.key, TIMEOUT_SECONDS)

    async def _until_accepted(
        self, caller: httpx.AsyncClient, agent: Agent, batch: list[tuple[Sent, dict[str, Any]]]
    ) -> None:
        sent = [one for one, _ in batch]
        self.ledger.intend(sent)
        events = [event for _, event in batch]
        settled = await self._call(caller, sent, events)
        while not settled:
            await asyncio.sleep(_AGAIN_SECONDS)
            settled = await self._call(caller, sent, events)

    async def _call(
        self, caller: httpx.AsyncClient, sent: list[Sent], events: list[dict[str, Any]]
    ) -> bool:
        """Whether there was an answer that settles it."""
        try:
            answer = await caller.post("/v1/events", json=events)
        except httpx.HTTPError:
            self.ledger.settle(sent, "unknown")
            return False
        if answer.status_code >= 500 or answer.status_code == 429:
            self.ledger.settle(sent, "unknown")
            return False
        told = answer.json()
        if answer.status_code != 202 or told["rejected"]:
            raise DoorRefused(f"a good event was answered {answer.status_code}")
        if told["accepted"] + told["duplicates"] != len(events):
            raise DoorRefused("an answer did not count what was sent")
        self.ledger.duplicates += told["duplicates"]
        self.ledger.settle(sent, "ok")
        return True


@dataclass
class Person:
    name: str
    said: int = 0

    @classmethod
    def nobody_knew(cls) -> "Person":
        return cls(f"probe-{uuid.uuid4().hex[:12]}")

    def speaks(self, agent: Agent, *, late: bool) -> tuple[Sent, dict[str, Any]]:
        """The next message; the first one comes with an address that one other person shares."""
        if self.said == 1:
            return self._message(agent, late=late, lead=True)
        return self._message(agent, late=late)

    def says(self, agent: Agent) -> tuple[Sent, dict[str, Any]]:
        """The next message, without an address that others share."""
        return self._message(agent)

    def _message(
        self, agent: Agent, *, late: bool = False, lead: bool = False
    ) -> tuple[Sent, dict[str, Any]]:
        self.said += 1
        at = _FIRST_AT + timedelta(seconds=self.said)
        sent = Sent(f"{self.name}-{self.said}", agent.id, self.name, self.said, late)
        event: dict[str, Any] = {
            "event_id": sent.marker,
            "occurred_at": (at - timedelta(hours=6) if late else at).isoformat(),
            "channel": "widget",
            "conversation_id": self.name,
            "session_id": self.name,
        }
        if lead:
            email = f"{self.name[:-1][-4:-1]}@example.com"
            event |= {"type": "lead_captured", "lead": {"email": email}, "form": "contact"}
        else:
            event |= {
                "type": "message",
                "message_id": sent.marker,
                "direction": "inbound",
                "text": f"said {sent.marker}",
            }
        return sent, event
