"""The events of a bench: visits of people who look around, talk, and sometimes say who they are.

A visit is 20 events: a session, four pages, a conversation of 13 messages with its tag and its end.
Each fifth visitor leaves an e-mail address (half of these are people that were there before), each
tenth is signed in. The events of many visits are mixed, as a shop's server sends them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from contact_schema.records import Unit, record_id

Event = dict[str, Any]
OPEN_VISITS: Final = 40
TALK: Final = (
    "where is my order can you help me change the size of a blue jacket that was sent to the wrong "
    "address last week please tell me when it comes back in stock and what the return costs thanks"
)


@dataclass(frozen=True)
class Agent:
    """One agent with a space of its own, and its API key."""

    agent: str
    space: str
    space_key: bytes = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """One event of a batch that is looked for on the read side, on the record it belongs to."""

    space: str
    record: str
    event: str


@dataclass(frozen=True, slots=True)
class Batch:
    agent: Agent
    body: bytes
    events: int
    probe: Probe


@dataclass
class Crowd:
    """The visitors of one space. ``existing`` people left their address before."""

    agent: Agent
    number: int
    seed: str
    existing: int = 0
    _visits: int = 0
    _events: int = 0
    _open: list[Iterator[Event]] = field(default_factory=list)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}:{self.number}")

    def batch(self, size: int) -> Batch:
        """The next events of the visits that are open."""
        return self._pack([self._next() for _ in range(size)])

    def people(self, size: int) -> Batch:
        """That many new people who leave an address and nothing else."""
        events = []
        for _ in range(size):
            visit = f"{self.seed}-{self.number}-p{self.existing}"
            lead = {"name": f"Person {self.existing}", "email": self._address(self.existing)}
            events.append(
                self._event("lead_captured", visit, lead=lead) | {"conversation_id": f"c-{visit}"}
            )
            self.existing += 1
        return self._pack(events)

    def _pack(self, events: list[Event]) -> Batch:
        agent = self.agent
        # A signed-in visit's record depends on its claim: any other event will do.
        last = next(e for e in reversed(events) if "-u" not in e["session_id"])
        conversation = last.get("conversation_id")
        unit = Unit(
            "conversation" if conversation else "session",
            agent.agent,
            conversation or last["session_id"],
        )
        record = record_id(agent.space_key, unit, None)
        probe = Probe(agent.space, record, last["event_id"])
        return Batch(agent, orjson.dumps(events), len(events), probe)

    def _next(self) -> Event:
        while len(self._open) < OPEN_VISITS:
            self._open.append(self._visit())
            for _ in range(self._chance.randrange(20) if self._visits < OPEN_VISITS else 0):
                next(self._open[-1])  # the first ones did not all begin at once
        place = self._chance.randrange(OPEN_VISITS)
        event = next(self._open[place], None)
        if event is None:
            self._open[place] = self._visit()
            event = next(self._open[place])
        return event

    def _visit(self) -> Iterator[Event]:
        number, chance, words = self._visits, self._chance, TALK.split()
        self._visits += 1
        signed_in = number % 10 == 3
        visit = f"{self.seed}-{self.number}-{'u' if signed_in else 'v'}{number}"
        page = {"url": f"https://shop.example.com/things/{number % 97}", "title": "A thing"}
        yield self._event("session_started", visit, page=page)
        if signed_in:
            yield self._event("identify", visit, user_id=f"user-{self.number}-{number % 5000}")
        for _ in range(3 if signed_in else 4):
            yield self._event("page_viewed", visit, page=page)
        talk = {"conversation_id": f"c-{visit}"}
        if number % 5 == 1:
            person = chance.randrange(self.existing) if self.existing and number % 2 else None
            lead = {"name": f"Visitor {number}", "email": self._address(person, number)}
            yield self._event("lead_captured", visit, lead=lead) | talk
        for turn in range(12 if number % 5 == 1 else 13):
            said = {
                "message_id": f"m-{visit}-{turn}",
                "direction": "outbound" if turn % 2 else "inbound",
                "text": " ".join(chance.choices(words, k=chance.randrange(6, 40))),
            }
            yield self._event("message", visit, **said) | talk
        yield self._event("conversation_tagged", visit, tags=["order"]) | talk
        yield self._event("conversation_closed", visit, reason="solved") | talk

    def _event(self, type_: str, visit: str, **more: Any) -> Event:
        self._events += 1
        return {
            "event_id": f"e-{self.seed}-{self.number}-{self._events}",
            "type": type_,
            "channel": "widget",
            "occurred_at": datetime.now(UTC).isoformat(),
            "session_id": f"s-{visit}",
            **more,
        }

    def _address(self, person: int | None, number: int = 0) -> str:
        name = f"visitor-{number}" if person is None else f"person-{person}"
        return f"{name}.{self.number}@example.com"
