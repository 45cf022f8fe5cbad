"""The day as it happens: what arrives at which door, in order of arrival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from kith.demo.cast import Person, customers, leads, person
from kith.demo.events import Event, Names, Thread, Visit, user_hash

ANONYMOUS = 300
HOURS = 12
PAGES = ("/", "/bikes", "/bikes/touring", "/parts", "/delivery", "/returns", "/about")
QUESTIONS = (
    "Do you ship to Austria?",
    "Is the touring frame back in stock?",
    "Where is my order?",
    "Can I change the delivery address?",
    "How long is the warranty on the hub?",
)
ANSWERS = (
    "Let me look that up for you.",
    "Yes, within three working days.",
    "I have asked a colleague; you get an answer today.",
)
Door = Literal["widget", "adapter"]


@dataclass(frozen=True)
class Delivery:
    """Events that arrive together. Late ones happened long before they arrive.

    Deliveries of one `story` arrive one after the other; different stories do not wait for each
    other.
    """

    at: datetime
    door: Door
    story: int
    events: tuple[Event, ...]


@dataclass
class Day:
    """Tells the stories of a day that ends at `end`; `secret` is the shop's identity secret."""

    names: Names
    secret: str
    end: datetime
    chance: Random
    anonymous: int = ANONYMOUS
    stories: int = 0

    def deliveries(self) -> list[Delivery]:
        told: list[Delivery] = []
        for _ in range(self.anonymous):
            told += self._anonymous()
        for number, lead in enumerate(leads()):
            told += self._lead(lead, again=number % 3 == 0)
        for number, customer in enumerate(customers()):
            told += self._customer(customer)
            if number % 4 == 0:
                told += self._customer(customer)  # on another device
        told += self._channels()
        told += [*self._forged(), *self._kiosk(), *self._family(), *self._household()]
        for customer in customers()[:6]:
            told += self._late(customer)
        repeated = [delivery for delivery in told if delivery.door == "adapter"][::5]
        told += [replace(each, at=each.at + timedelta(minutes=2)) for each in repeated]
        return sorted(told, key=lambda delivery: delivery.at)

    def _told(self, door: Door, *parts: tuple[datetime, Sequence[Event]]) -> list[Delivery]:
        """The deliveries of one story."""
        self.stories += 1
        return [Delivery(at, door, self.stories, tuple(events)) for at, events in parts]

    def _some_time(self) -> datetime:
        """Not in the last half hour: stories go on for some minutes."""
        return self.end - timedelta(minutes=self.chance.randint(30, HOURS * 60))

    def _minutes(self, start: datetime) -> "Clock":
        return Clock(start, self.chance)

    def _anonymous(self) -> list[Delivery]:
        visit, clock = Visit(self.names), self._minutes(self._some_time())
        home = {"url": "https://shop.example.com/"}
        events = [visit.event(clock.now, "session_started", page=home)]
        pages = self.chance.sample(PAGES, self.chance.randint(1, 3))
        events += [visit.looks_at(clock.later(), page) for page in pages]
        if self.chance.random() < 0.15:
            events.append(visit.writes(clock.later(), self.chance.choice(QUESTIONS)))
        return self._told("widget", (clock.now, events))

    def _lead(self, who: Person, *, again: bool) -> list[Delivery]:
        given = {"name": who.name, "email": who.email, "company": who.company}
        if who.number % 2:
            given["phone"] = who.phone
        told = self._asks(self.chance.choice(QUESTIONS), given)
        if again:
            # Another device, and the address as people write it the second time.
            told += self._asks("call me back", {"email": who.email.replace("@", "+shop@").title()})
        return told

    def _asks(self, question: str, given: Mapping[str, str]) -> list[Delivery]:
        """Nobody is known while he looks around; then he says who he is."""
        visit, clock = Visit(self.names), self._minutes(self._some_time())
        first = [visit.looks_at(clock.now, "/bikes"), visit.writes(clock.later(), question)]
        then = [visit.writes(clock.later(), self.chance.choice(ANSWERS), author="ai")]
        then.append(visit.leaves(clock.later(), question, **given))
        return self._told("widget", (sent_at(first), first), (clock.now, then))

    def _customer(self, who: Person) -> list[Delivery]:
        visit, clock = Visit(self.names), self._minutes(self._some_time())
        first = [visit.looks_at(clock.now, "/"), visit.looks_at(clock.later(), "/returns")]
        known = {"name": who.name, "email": who.email, "plan": who.plan}
        proof = user_hash(self.secret, who.user_id)
        signed = [visit.signs_in(clock.later(), who.user_id, proof, **known)]
        signed.append(visit.writes(clock.later(), self.chance.choice(QUESTIONS)))
        signed_in = clock.now
        chat = {"conversation_id": visit.conversation}
        rest = [
            visit.writes(clock.later(), self.chance.choice(ANSWERS), author="ai"),
            visit.event(clock.later(), "conversation_tagged", tags=["order"], **chat),
            visit.event(clock.later(), "conversation_closed", **chat),
            visit.event(clock.later(), "logged_out"),
        ]
        return self._told("widget", (sent_at(first), first), (signed_in, signed), (clock.now, rest))

    def _channels(self) -> list[Delivery]:
        cast = customers()
        threads = [("whatsapp", who, who.phone.lstrip("+")) for who in cast[0:12]]
        threads += [("sms", who, who.phone) for who in cast[8:14]]
        threads += [("email", who, who.email) for who in cast[12:24]]
        threads += [("slack", who, who.slack) for who in cast[20:28]]
        threads += [("whatsapp", who, who.phone.lstrip("+")) for who in leads()[1:13:2]]
        return [delivery for thread in threads for delivery in self._thread(*thread)]

    def _thread(self, channel: str, who: Person, address: str) -> list[Delivery]:
        clock = self._minutes(self._some_time())
        thread = Thread(self.names, channel, address, who.name)
        first = [thread.receives(clock.now, self.chance.choice(QUESTIONS))]
        then = [thread.answers(clock.later(), self.chance.choice(ANSWERS))]
        if channel == "slack":
            then.append(thread.tells(clock.now, name=who.name, email=who.email))
        then += [thread.receives(clock.later(), "Thank you!"), thread.closes(clock.later())]
        return self._told("adapter", (sent_at(first), first), (clock.now, then))

    def _forged(self) -> list[Delivery]:
        """Somebody claims to be a customer and cannot sign for it."""
        visit, clock = Visit(self.names), self._minutes(self._some_time())
        victim = customers()[3]
        forged = user_hash("not the shop's secret", victim.user_id)
        events = [
            visit.looks_at(clock.now, "/"),
            visit.signs_in(clock.later(), victim.user_id, forged, name="Not me"),
            visit.writes(clock.later(), "Please change the e-mail of my account."),
        ]
        return self._told("widget", (clock.now, events))

    def _kiosk(self) -> list[Delivery]:
        """Two people take turns at the browser in the shop: one browser is not one person."""
        browser = Visit(self.names).browser
        parts = []
        for at, number in self._turns(180, 181):
            visit, who = Visit(self.names), person(number)
            visit.browser = browser
            event = visit.leaves(at, "newsletter", name=who.name, email=who.email)
            parts.append((at, [event]))
        return self._told("widget", *parts)

    def _family(self) -> list[Delivery]:
        """Two accounts give one phone: a shared number does not make them one customer."""
        parts = []
        for at, number in self._turns(190, 191):
            visit, who = Visit(self.names), person(number)
            proof = user_hash(self.secret, who.user_id)
            known = {"name": who.name, "email": who.email, "phone": person(190).phone}
            parts.append((at, [visit.signs_in(at, who.user_id, proof, **known)]))
        return self._told("widget", *parts)

    def _household(self) -> list[Delivery]:
        """Two leads give one phone and an e-mail each: too little to make them one."""
        parts = []
        for at, number in self._turns(182, 183):
            visit, who = Visit(self.names), person(number)
            known = {"name": who.name, "email": who.email, "phone": person(182).phone}
            parts.append((at, [visit.leaves(at, "offer", **known)]))
        return self._told("widget", *parts)

    def _turns(self, one: int, other: int) -> list[tuple[datetime, int]]:
        clock = self._minutes(self._some_time())
        return [(clock.now, one), (clock.later(), other), (clock.later(), one)]

    def _late(self, who: Person) -> list[Delivery]:
        """An adapter that was cut off delivers in the evening what was written in the morning."""
        thread = Thread(self.names, "sms", who.phone, who.name)
        morning = self.end - timedelta(hours=HOURS - 1, minutes=who.number)
        event = thread.receives(morning, "Are you open today?")
        return self._told("adapter", (self.end - timedelta(minutes=5), [event]))


def sent_at(events: Sequence[Event]) -> datetime:
    """When the last of these happened, which is when they are sent."""
    return datetime.fromisoformat(events[-1]["occurred_at"])


@dataclass
class Clock:
    """The time within one story."""

    now: datetime
    chance: Random

    def later(self) -> datetime:
        self.now += timedelta(seconds=self.chance.randint(10, 120))
        return self.now
