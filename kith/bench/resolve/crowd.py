"""A stream of events of people of whom the truth is known: `Crowd(seed).stream(events)`.

People have a browser or two, come back, sign in, leave an address, write by WhatsApp, are in a CRM.
They also share browsers with a housemate, use kiosks, type junk, a mailbox of the whole office or
somebody else's address, spell their own in three ways, and get a number that was another's before.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from contact_schema.values import email_key
from merge_resolver.domain.facts import (
    ASSERTED,
    PROVEN,
    SELF,
    SYSTEM,
    TYPED,
    VISITOR,
    Observe,
    Told,
)

EVENTS_PER_PERSON: Final = 5
DAY: Final = 86_400_000_000
DAYS: Final = 90
JUNK: Final = ("asdf@asdf.com", "a@b.co", "nope@nope.com", "qwerty@example.com", "x@x.org")
PEOPLE_PER_KIOSK: Final = 5_000
OFFICE: Final = 25
"""People of one company, who may leave its role mailbox."""

_FIRST: Final = (
    "Ada", "Bob", "Cem", "Dana", "Eva", "Finn", "Gita", "Hugo",
    "Ines", "Jan", "Kira", "Leo", "Mia", "Nils", "Olga", "Paul",
)  # fmt: skip
_LAST: Final = (
    "Adler", "Bauer", "Celik", "Dorn", "Engel", "Falk",
    "Gerber", "Haas", "Imhof", "Jansen", "Klein", "Lorenz",
)  # fmt: skip
_NOTHING: Final = MappingProxyType[str, Any]({})


@dataclass(frozen=True)
class Stream:
    """Facts in order of arrival, and who each record really is."""

    facts: list[Observe]
    person_of: dict[str, int]


@dataclass(slots=True)
class Person:
    number: int
    name: str
    spellings: tuple[Told, ...]
    """Of his address, typed; all have one key."""
    phone: str | None
    user: str | None
    browsers: list[Told] = field(default_factory=list)
    housemates: Told | None = None
    """The browser of somebody else in the house, which he uses now and then."""
    next_phone_from: tuple[int, str] | None = None
    """Since when the number of another is his."""

    def number_at(self, t: int) -> str | None:
        if self.next_phone_from is not None and t >= self.next_phone_from[0]:
            return self.next_phone_from[1]
        return self.phone


class Crowd:
    """One seed, one crowd, one stream."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._facts: list[Observe] = []
        self._person_of: dict[str, int] = {}
        self._told: dict[Told, Told] = {}
        self._visits = 0
        self._kiosks = 1

    def stream(self, events: int) -> Stream:
        people = self._people(max(OFFICE, events // EVENTS_PER_PERSON))
        self._kiosks = max(1, len(people) // PEOPLE_PER_KIOSK)
        dice = self._dice
        while len(self._facts) < events:
            # Some come once, some every week.
            person = people[int(len(people) * dice.random() ** 1.3)]
            self._visit(person, int(dice.random() * DAYS * DAY))
        # Who comes in last by time is cut off; ids keep the order in which they were made.
        self._facts.sort(key=lambda fact: (fact.t, fact.id))
        del self._facts[events:]
        seen = {fact.record for fact in self._facts}
        return Stream(self._facts, {r: p for r, p in self._person_of.items() if r in seen})

    def _people(self, count: int) -> list[Person]:
        dice = self._dice
        people = [self._person(number) for number in range(count)]
        for left, right in zip(people[::2], people[1::2], strict=False):
            if dice.random() < 0.05:
                left.housemates = right.browsers[0]
        for person in people:
            if dice.random() < 0.01:
                before = dice.choice(people)
                if before.phone is not None and before is not person:
                    # The other one has not used it for a month.
                    person.next_phone_from = (60 * DAY, before.phone)
                    before.next_phone_from = (30 * DAY, _phone(count + person.number))
        dice.shuffle(people)
        return people

    def _person(self, number: int) -> Person:
        dice = self._dice
        name = f"{dice.choice(_FIRST)} {dice.choice(_LAST)}"
        local, domain = f"{name.replace(' ', '.').lower()}{number}", f"mail{number % 97}.example"
        given = [f"{local}@{domain}"]
        if dice.random() < 0.2:
            given += [f"{local}+shop@{domain}", f"{local.title()}@{domain.upper()}"]
        key = email_key(given[0])
        return Person(
            number,
            name,
            tuple(self._one("email", key, one, TYPED) for one in given),
            _phone(number) if dice.random() < 0.5 else None,
            f"user-{number}" if dice.random() < 0.4 else None,
            [
                self._one("browser", f"b{number}-{one}", "", TYPED)
                for one in range(dice.choice((1, 1, 1, 2)))
            ],
        )

    def _one(self, kind: str, key: str | None, given: str, proof: int) -> Told:
        told = Told(kind, key, given or key or "", proof)
        return self._told.setdefault(told, told)

    def _visit(self, person: Person, t: int) -> None:
        self._visits += 1
        unit = f"unit_{self._visits}"
        roll = self._dice.random()
        if roll < 0.05:
            told = tuple(self._row(person, t))
            self._tell(person, unit, t, told, SYSTEM, person.user)
        elif roll < 0.09 and person.phone is not None:
            number = person.number_at(t) or ""
            sender = (
                self._one("whatsapp", number, "", PROVEN),
                self._one("phone", number, "", PROVEN),
            )
            for at in self._times(t):
                self._tell(person, unit, at, sender, SELF)
        else:
            self._browse(person, unit, t)

    def _row(self, person: Person, t: int) -> Iterator[Told]:
        """As the customer's own system knows him."""
        spelling = person.spellings[0]
        yield self._one("email", spelling.key, spelling.given, ASSERTED)
        phone = person.number_at(t)
        if phone is not None:
            yield self._one("phone", phone, "", ASSERTED)
        yield self._one("crm", f"hub:{person.number}", "", ASSERTED)

    def _times(self, t: int) -> Iterator[int]:
        """Messages of one visit: three and a half on average, a minute or so apart."""
        yield t
        while self._dice.random() < 0.72:
            t += int(self._dice.expovariate(1 / 60_000_000)) + 1
            yield t

    def _browse(self, person: Person, unit: str, t: int) -> None:
        dice = self._dice
        browser = dice.choice(person.browsers)
        if person.housemates is not None and dice.random() < 0.2:
            browser = person.housemates
        elif dice.random() < 0.01:
            browser = self._one("browser", f"kiosk-{dice.randrange(self._kiosks)}", "", TYPED)
        here = (browser, self._one("session", f"s-{unit}", "", TYPED))
        leaves_address = dice.random() < (0.25 if person.user else 0.45)
        signs_in = person.user is not None and dice.random() < 0.7
        for number, at in enumerate(self._times(t)):
            if signs_in and number >= 1:
                self._tell(person, unit, at, here, SELF, person.user)
            elif leaves_address and number == 1:
                self._tell(person, unit, at, (*here, *self._lead(person, at)), VISITOR)
            else:
                self._tell(person, unit, at, here, VISITOR)

    def _lead(self, person: Person, t: int) -> Iterator[Told]:
        dice = self._dice
        roll = dice.random()
        if roll < 0.01:
            yield self._one("email", dice.choice(JUNK), "", TYPED)
        elif roll < 0.015:
            # The doors give no key to what is on the list of blocked values.
            yield self._one("email", None, "test@test.com", TYPED)
        elif roll < 0.03:
            office = person.number // OFFICE
            yield self._one("email", f"info@office{office}.example", "", TYPED)
        elif roll < 0.032:
            number = max(0, person.number - 1)
            yield self._one("email", f"somebody{number}@mail.example", "", TYPED)
        else:
            yield dice.choice(person.spellings)
        phone = person.number_at(t)
        if phone is not None and dice.random() < 0.4:
            yield self._one("phone", phone, "", TYPED)

    def _tell(
        self,
        person: Person,
        unit: str,
        t: int,
        told: tuple[Told, ...],
        field_class: int,
        user: str | None = None,
    ) -> None:
        record = f"contact_{unit}" if user is None else f"contact_{unit}_in"
        if user is not None:
            proof = ASSERTED if field_class == SYSTEM else PROVEN
            told = (*told, self._one("user", user, "", proof))
        self._person_of[record] = person.number
        says_name = len(told) > 2
        fields = {"name": person.name} if says_name else _NOTHING
        name = f"fact_{len(self._facts)}"
        self._facts.append(Observe(name, t, record, unit, told, fields, field_class))


def _phone(number: int) -> str:
    return f"+49151{number:08d}"
