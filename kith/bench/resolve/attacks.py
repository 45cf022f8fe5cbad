"""Streams of somebody who wants to make this slow, or people lose each other."""

from collections.abc import Iterator
from typing import Final

from kith.bench.resolve.crowd import Stream
from merge_resolver.domain.facts import ASSERTED, PROVEN, TYPED, VISITOR, Observe, Told

CONVERSATIONS: Final = 10_000
ACCOUNTS: Final = 5_000
VICTIM: Final = 1


def chain(length: int) -> Iterator[Observe]:
    """Each conversation types the address of the one before and a new one: without an end."""
    for number in range(length):
        told = (
            _told("email", f"c{number}@example.com"),
            _told("email", f"c{number + 1}@example.com"),
        )
        yield _say(f"chain{number}", number, told)


def borrowed_phone(conversations: int = CONVERSATIONS) -> Iterator[Observe]:
    """A customer, known by his number in two places; then everybody types that number."""
    phone = "+4915199999999"
    yield _say(
        "victim-row", 0, (_told("phone", phone, ASSERTED), _told("user", "victim", ASSERTED))
    )
    yield _say("victim-chat", 1, (_told("phone", phone, PROVEN), _told("whatsapp", phone, PROVEN)))
    for number in range(conversations):
        told = (_told("phone", phone), _told("email", f"p{number}@example.com"))
        yield _say(f"phone{number}", number + 2, told)


def crowded_browser(accounts: int = ACCOUNTS) -> Iterator[Observe]:
    """One browser in which thousands sign in, each of whom has been seen elsewhere."""
    for number in range(accounts):
        user = _told("user", f"account{number}", PROVEN)
        yield _say(f"home{number}", 2 * number, (user, _told("browser", f"own{number}")))
        yield _say(f"kiosk{number}", 2 * number + 1, (user, _told("browser", "crowded")))


def attacks(scale: float = 1.0) -> dict[str, Stream]:
    """By name. Whom each may not take apart is one person in the truth."""
    phone, accounts = int(CONVERSATIONS * scale), int(ACCOUNTS * scale)
    told = {
        "chain of typed e-mails": list(chain(phone)),
        "one victim's phone": list(borrowed_phone(phone)),
        "accounts on one browser": list(crowded_browser(accounts)),
    }
    return {name: Stream(facts, _who(facts)) for name, facts in told.items()}


def _who(facts: list[Observe]) -> dict[str, int]:
    """The records of one user, or of the victim, are one person; anybody else is alone."""
    people: dict[str, int] = {}
    found: dict[str, int] = {}
    for fact in facts:
        users = [one.given for one in fact.told if one.type == "user"]
        name = "victim" if fact.record.startswith("victim") else next(iter(users), fact.record)
        found[fact.record] = people.setdefault(name, len(people))
    return found


def _told(kind: str, key: str, proof: int = TYPED) -> Told:
    return Told(kind, key, key, proof)


def _say(name: str, t: int, told: tuple[Told, ...]) -> Observe:
    return Observe(f"fact_{name}", t, name, f"unit_{name}", told, {}, VISITOR)
