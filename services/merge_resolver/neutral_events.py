"""Neutral events, as `kith resolve` reads them, into facts, and contacts back into plain values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from contact_schema.records import Unit, record_id, space_key
from contact_schema.values import external_id, is_blocked
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
from merge_resolver.domain.fold import fold, order_of

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
KEY = space_key("kith resolve", "file")
"""Of the ids that a file's contacts have."""
_EVER = 1 << 61

Normaliser = Callable[[str, str], str | None]
"""Type and value to the key, or none where it must not link."""


class Translation:
    """The facts of a file, and the names by which its conversations are known."""

    def __init__(self, events: Sequence[Mapping[str, Any]], normalise: Normaliser) -> None:
        self.facts: list[Fact] = []
        self.conversations: dict[str, str] = {}
        self.keyless: set[str] = set()
        self._normalise = normalise
        self._blocked: dict[tuple[str, str], bool] = {}
        self._records: dict[str, dict[str, tuple[bool, int, str]]] = {}
        """Of a conversation: each with its place among those that may be the founder."""
        self._facts_of: dict[str, list[str]] = {}
        self._names = {str(one["id"]) for one in events if one.get("id") is not None}
        named = [(self._name(event.get("id"), at), event) for at, event in enumerate(events)]
        decisions: dict[str, Mapping[str, Any]] = {}
        for name, event in named:
            if event["do"] != "observe":
                decisions[name] = min(event, decisions.get(name, event), key=order_of)
        self._undone = {one["event"] for one in decisions.values() if one["do"] == "undo"}
        self._erased = {one["conversation"] for one in decisions.values() if one["do"] == "erase"}
        for name, event in named:
            if event["do"] == "observe":
                self._add(name, [self._observe(name, event)])
        # What a conversation's records are, and what there is to undo, is known only at the end.
        for is_undo in (False, True):
            for name, event in decisions.items():
                if (event["do"] == "undo") is is_undo:
                    self._add(name, self._decide(name, event))

    def _name(self, own: str | None, number: int) -> str:
        """Its id, else its position, unless that is the id of another event."""
        if own is not None:
            return own
        return f"#{number}" if str(number) in self._names else str(number)

    def _add(self, name: str, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.facts.append(fact)
            self._facts_of.setdefault(name, []).append(fact.id)

    def _observe(self, name: str, event: Mapping[str, Any]) -> Observe:
        conversation, user = event["conversation"], event.get("verified_user") or None
        unit = Unit("conversation", "file", conversation)
        record = record_id(KEY, unit, user)
        self.conversations[record] = conversation
        if name not in self._undone:
            here = self._records.setdefault(conversation, {})
            place = (user is None, event["t"], record)
            here[record] = min(place, here.get(record, place))
        identifiers = event.get("identifiers") or ()
        told = [self._told(one) for one in identifiers if one["value"] is not None]
        if user is not None:
            self._block_if_junk("user", user)
            told.append(Told("user", user, user, PROVEN))
        return Observe(
            id=name,
            t=event["t"],
            record=record,
            unit=conversation,
            told=tuple(told),
            fields=event.get("profile") or {},
            field_class=CLASSES[event.get("profile_trust") or "typed"],
        )

    def _told(self, one: Mapping[str, Any]) -> Told:
        kind, given = TYPES[one["type"]], one["value"]
        proof = PROOFS[one.get("trust") or "typed"]
        key = given if kind == "name" else self._normalise(kind, given)
        if key is None or key == "":
            self.keyless.add(f"{one['type']}:{given}")
            return Told(kind, None, given, proof)
        if kind != "name":
            self._block_if_junk(kind, key)
        return Told(kind, key, given, proof)

    def _block_if_junk(self, kind: str, key: str) -> None:
        if (kind, key) not in self._blocked:
            junk = external_id(key) is None if kind == "user" else is_blocked(kind, key)
            self._blocked[kind, key] = junk
            if self._blocked[kind, key]:
                self.facts.append(Block(f"blocked\0{kind}\0{key}", Identifier(kind, key)))

    def _decide(self, name: str, event: Mapping[str, Any]) -> list[Fact]:
        t = event.get("t") or 0
        match event["do"]:
            case "merge":
                return self._links(name, t, event)
            case "separate":
                sides = tuple(
                    Side(
                        tuple(self._of(one["conversations"])),
                        tuple(self._identifier(other) for other in one.get("identifiers") or ()),
                    )
                    for one in event["sides"]
                )
                return [Separate(name, t, sides)]
            case "undo":
                target = event["event"]
                facts = self._facts_of.get(target, [target])
                return [Retract(f"{name}#{one}", one) for one in facts]
            case "logout" | "owner-changed":
                return [Release(name, t, self._identifier(event["identifier"]))]
            case "revoke-verification":
                start, end = event.get("from"), event.get("to")
                start, end = -_EVER if start is None else start, _EVER if end is None else end
                return [Revoke(name, event["user"], start, end)]
            case "erase":
                records = self._of([event["conversation"]])
                return [Erase(f"{name}#{record}", record) for record in records]
            case "block":
                return [Block(name, self._identifier(event["identifier"]))]
            case kind:
                raise ValueError(kind)

    def _links(self, name: str, t: int, event: Mapping[str, Any]) -> list[Fact]:
        """Of everybody named; of nobody, where one side is not there or was erased."""
        left, right = (
            self._of([one for one in event[side] if one not in self._erased])
            for side in ("left", "right")
        )
        if not left or not right:
            return []
        survivor = self._records.get(event.get("survivor") or "", {})
        kept = min(survivor, key=lambda one: survivor[one]) if survivor else None
        return [
            Link(f"{name}#{number}", t, left[0], other, kept)
            for number, other in enumerate([*left[1:], *right])
        ]

    def _of(self, conversations: Sequence[str]) -> list[str]:
        """Their records, in the order named."""
        return [one for name in conversations for one in sorted(self._records.get(name, ()))]

    def _identifier(self, one: Mapping[str, Any]) -> Identifier:
        if one["type"] == "user":
            return Identifier("user", one["value"])
        kind = TYPES[one["type"]]
        return Identifier(kind, self._normalise(kind, one["value"]) or one["value"])


def _outside(type_: str, key: str) -> str:
    return f"{_OUTSIDE.get(type_, type_)}:{key}"


def answer(contacts: Sequence[Contact], translation: Translation) -> dict[str, Any]:
    """What `kith resolve` prints."""
    held = {one for contact in contacts for one in contact.identifiers}
    seen = {one for contact in contacts for record in contact.records for one in record.claims}
    unlinked = {_outside(*one) for one in seen - held if one.type != "user"}
    return {
        "contacts": [_plain(contact, translation) for contact in contacts],
        "unlinked_identifiers": sorted(unlinked | translation.keyless),
    }


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
        "refused": [_edge(one.edge, names) | {"code": _code(one.code)} for one in contact.refused],
        "suggestions": [
            {
                "other": one.other,
                "reasons": [{"code": _code(one.code), "detail": _edge(one.edge, names)}],
            }
            for one in contact.suggestions
        ],
    }


def _code(code: str) -> str:
    return "limit-external" if code == "limit-crm" else code


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
