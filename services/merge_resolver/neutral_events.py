"""Neutral events, as `kith resolve` reads them, into facts, and contacts back into plain values."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from contact_schema.records import Unit, record_id, space_key
from contact_schema.values import is_blocked
from merge_resolver.domain import Contact
from merge_resolver.domain.edges import Edge
from merge_resolver.domain.facts import (
    OPERATOR,
    PROOF_NAMES,
    PROOFS,
    PROVEN,
    SELF,
    SIGNED,
    SYSTEM,
    VISITOR,
    Block,
    Erase,
    Fact,
    Identifier,
    Link,
    Observe,
    Release,
    Retract,
    Revoke,
    Separate,
    Side,
    Told,
)
from merge_resolver.domain.fold import fold

CLASSES = {
    "typed": VISITOR,
    "channel": SELF,
    "asserted": SYSTEM,
    "verified": SIGNED,
    "operator": OPERATOR,
}
TYPES = {
    "browser": "browser",
    "email": "email",
    "phone": "phone",
    "external": "crm",
    "channel": "channel",
    "name": "name",
}
_OUTSIDE = {inside: outside for outside, inside in TYPES.items()}
_KEY = space_key("kith resolve", "file")

Normaliser = Callable[[str, str], str | None]
"""Type and value to the key, or none where it must not link."""


class WrongEventError(ValueError):
    """This event cannot be read; says which one and which part, never its values."""


class Translation:
    """The facts of a file, and the names by which its conversations are known."""

    def __init__(self, events: Iterable[Mapping[str, Any]], normalise: Normaliser) -> None:
        self.facts: list[Fact] = []
        self.conversations: dict[str, str] = {}
        self.keyless: set[str] = set()
        self._normalise = normalise
        self._blocked: dict[tuple[str, str], bool] = {}
        self._known: dict[tuple[str, str, str], Told] = {}
        """What was told before, as it was told: one object for it, and normalised once."""
        self._records: dict[str, dict[str | None, str]] = {}
        """By conversation and user."""
        self._facts_of: dict[str, list[str]] = {}
        decisions: list[tuple[str, Mapping[str, Any]]] = []
        for number, event in enumerate(events):
            try:
                name = str(event.get("id", number))
                if event["do"] == "observe":
                    self._add(name, [self._observe(name, event)])
                else:
                    decisions.append((name, event))
            except (KeyError, TypeError, AttributeError) as error:
                raise WrongEventError(f"event {number}: {_part(error)}") from None
        # What a conversation's records are, and what there is to undo, is known only at the end.
        for is_undo in (False, True):
            for name, event in decisions:
                if (event["do"] == "undo") is is_undo:
                    try:
                        self._add(name, self._decide(name, event))
                    except (KeyError, TypeError, AttributeError) as error:
                        raise WrongEventError(f"event {name}: {_part(error)}") from None

    def _add(self, name: str, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.facts.append(fact)
            self._facts_of.setdefault(name, []).append(fact.id)

    def _observe(self, name: str, event: Mapping[str, Any]) -> Observe:
        conversation, user = str(event["conversation"]), event.get("verified_user") or None
        records = self._records.setdefault(conversation, {})
        record = records.get(user)
        if record is None:
            unit = Unit("conversation", "file", conversation)
            record = records[user] = record_id(_KEY, unit, user)
            self.conversations[record] = conversation
        told = [self._told(one) for one in event.get("identifiers", ())]
        if user is not None:
            self._block_if_junk("user", user)
            told.append(Told("user", user, user, PROVEN))
        return Observe(
            id=name,
            t=_time(event, "t"),
            record=record,
            unit=conversation,
            told=tuple(told),
            fields=dict(event.get("profile") or {}),
            field_class=CLASSES[event.get("profile_trust", "typed")],
        )

    def _told(self, one: Mapping[str, Any]) -> Told:
        name = one["type"], str(one["value"]), one.get("trust", "typed")
        told = self._known.get(name)
        if told is None:
            told = self._known[name] = self._told_first(one, name[1], PROOFS[name[2]])
        return told

    def _told_first(self, one: Mapping[str, Any], given: str, proof: int) -> Told:
        kind = TYPES[one["type"]]
        key = given if kind == "name" else self._normalise(kind, given)
        if key is None or key == "":
            self.keyless.add(f"{one['type']}:{given}")
            return Told(kind, None, given, proof)
        if kind != "name":
            self._block_if_junk(kind, key)
        return Told(kind, key, given, proof)

    def _block_if_junk(self, kind: str, key: str) -> None:
        if (kind, key) not in self._blocked:
            self._blocked[kind, key] = is_blocked(kind, key)
            if self._blocked[kind, key]:
                self.facts.append(Block(f"blocked\0{kind}\0{key}", Identifier(kind, key)))

    def _decide(self, name: str, event: Mapping[str, Any]) -> list[Fact]:
        t = _time(event, "t")
        match event["do"]:
            case "merge":
                return self._links(name, t, event)
            case "separate":
                sides = tuple(
                    Side(
                        tuple(self._of(one.get("conversations", ()))),
                        tuple(_identifier(other) for other in one.get("identifiers") or ()),
                    )
                    for one in event["sides"]
                )
                return [Separate(name, t, sides)]
            case "undo":
                target = str(event["event"])
                facts = self._facts_of.get(target, [target])
                return [Retract(f"{name}#{one}", one) for one in facts]
            case "logout" | "owner-changed":
                return [Release(name, t, _identifier(event["identifier"]))]
            case "revoke-verification":
                start, end = _time(event, "from"), _time(event, "to", 1 << 61)
                return [Revoke(name, event["user"], start, end)]
            case "erase":
                records = self._of([event["conversation"]])
                return [Erase(f"{name}#{record}", record) for record in records]
            case "block":
                return [Block(name, _identifier(event["identifier"]))]
            case _:
                raise KeyError("do")

    def _links(self, name: str, t: int, event: Mapping[str, Any]) -> list[Fact]:
        everyone = [*self._of(event["left"]), *self._of(event["right"])]
        survivor = event.get("survivor")
        kept = next(iter(self._of(_several(survivor))), None) if survivor is not None else None
        return [
            Link(f"{name}#{number}", t, everyone[0], other, kept)
            for number, other in enumerate(everyone[1:])
        ]

    def _of(self, conversations: Any) -> list[str]:
        """Their records, in the order named."""
        names = _several(conversations)
        return [one for name in names for one in sorted(self._records.get(str(name), {}).values())]


def _several(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | int) else list(value)


def _time(event: Mapping[str, Any], name: str, default: int = 0) -> int:
    t = event.get(name)
    if t is None:
        return default
    if isinstance(t, bool) or not isinstance(t, int):
        raise TypeError(f"{name} is not an integer")
    return t


def _identifier(one: Mapping[str, Any]) -> Identifier:
    if one["type"] == "user":
        return Identifier("user", str(one["value"]))
    return Identifier(TYPES[one["type"]], str(one["value"]))


def _part(error: Exception) -> str:
    return f"{error} is missing or unknown" if isinstance(error, KeyError) else "malformed"


def _outside(type_: str, key: str) -> str:
    return f"{_OUTSIDE.get(type_, type_)}:{key}"


def answer(contacts: list[Contact], translation: Translation) -> Iterator[bytes]:
    """What `kith resolve` prints, piece by piece. The contacts are given up as they are told, and
    the facts with them: who has a million of them would keep all that was found out of each.
    """
    held: set[Identifier] = set()
    seen: set[Identifier] = set()
    translation.facts.clear()
    contacts.reverse()
    yield b'{"contacts":['
    comma = b""
    while contacts:
        contact = contacts.pop()
        held.update(contact.identifiers)
        for record in contact.records:
            seen.update(record.claims)
        yield comma + orjson.dumps(_plain(contact, translation))
        comma = b","
    unlinked = {_outside(*one) for one in seen - held if one.type != "user"}
    yield b'],"unlinked_identifiers":' + orjson.dumps(sorted(unlinked | translation.keyless))
    yield b"}\n"


def _plain(contact: Contact, translation: Translation) -> dict[str, Any]:
    names = translation.conversations
    folded = fold(contact)
    members = {f"conv:{names[record.id]}" for record in contact.records}
    members |= {_outside(*one) for one in contact.identifiers}
    return {
        "id": contact.id,
        "members": sorted(members),
        "profile": {name: won.value for name, won in folded.fields.items()},
        "said": dict(folded.said),
        "why": [_edge(one.edge, names) for one in contact.taken if one.joined],
        "refused": [_edge(one.edge, names) | {"code": one.code} for one in contact.refused],
        "suggestions": [
            {"other": one.other, "reasons": [{"code": one.code, "detail": _edge(one.edge, names)}]}
            for one in contact.suggestions
        ],
    }


def _edge(edge: Edge, names: Mapping[str, str]) -> dict[str, Any]:
    other = f"conv:{names.get(edge.key, edge.key)}" if edge.type in ("link", "unit") else None
    return {
        "record": f"conv:{names[edge.record]}",
        "identifier": other or _outside(edge.type, edge.key),
        "rank": edge.rank,
        "proof": PROOF_NAMES[edge.proof],
        "t": edge.first,
        "fact": edge.fact,
    }
