"""Messages into facts, and facts into the plain bodies in which they are stored."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from contact_schema.commands import EditContact
from contact_schema.observations import FIELD_CLASSES, Observation
from merge_resolver.domain.facts import (
    ASSERTED,
    OPERATOR,
    PROOFS,
    SYSTEM,
    Block,
    Identifier,
    Link,
    Observe,
    Release,
    Revoke,
    Separate,
    Side,
    TagEdit,
    Told,
)
from merge_resolver.domain.snapshot import microseconds

Kept = Observe | Link | Separate
"""Facts that are stored with a record."""
AboutIdentifier = Block | Release | Revoke
Stored = Kept | AboutIdentifier
ALWAYS = -(1 << 62)
ADDRESSES = ("email", "phone")
"""Fields of an edit that are identifiers."""


def observe(
    record: str,
    unit: str,
    observation: Observation,
    claim: str | None = None,
    *,
    verdict: bool = False,
    signed_at: datetime | None = None,
) -> Observe:
    tags = TagEdit(added=observation.tags) if observation.tags else None
    return Observe(
        id=observation.fact,
        t=microseconds(observation.at),
        record=record,
        unit=unit,
        # A list first: each message of a busy space comes by here.
        told=tuple(
            [
                Told(one.type, one.key, one.given, PROOFS[one.proof])
                for one in observation.identifiers
            ]
        ),
        fields=observation.fields,
        field_class=FIELD_CLASSES.index(observation.field_class) + 1,
        tags=tags,
        claim=claim,
        verdict=verdict,
        signed=None if signed_at is None else microseconds(signed_at),
    )


def edit(command: EditContact, record: str, unit: str, covers: tuple[str, ...]) -> Observe:
    """An edit as a fact of the founding record. An address given becomes an asserted claim."""
    fields = dict(command.fields)
    told = []
    for name in ADDRESSES:
        value = fields.get(name)
        if isinstance(value, Mapping):
            told.append(Told(name, value.get("key"), str(value.get("given", "")), ASSERTED))
            del fields[name]
    replaced = command.replace_tags
    tags = TagEdit(
        added=(*(replaced or ()), *command.add_tags),
        removed=command.remove_tags,
        clears=replaced is not None,
    )
    return Observe(
        id=command.fact,
        t=microseconds(command.at),
        record=record,
        unit=unit,
        told=tuple(told),
        fields=fields,
        field_class=OPERATOR if command.actor.kind == "user" else SYSTEM,
        tags=None if tags == TagEdit() else tags,
        covers=covers,
    )


def record_of(fact: Kept) -> str:
    """The record that a fact is stored with, and goes with."""
    match fact:
        case Observe():
            return fact.record
        case Link():
            return fact.left
        case Separate():
            return fact.sides[0].records[0]


def body_of(fact: Kept) -> dict[str, Any]:
    match fact:
        case Observe(tags=tags):
            return {
                "unit": fact.unit,
                "told": fact.told,
                "fields": fact.fields,
                "class": fact.field_class,
                "tags": None if tags is None else (tags.added, tags.removed, tags.clears),
                "covers": fact.covers,
                "claim": fact.claim,
                "verdict": fact.verdict,
                "signed": fact.signed,
            }
        case Link():
            return {"right": fact.right, "survivor": fact.survivor, "picks": fact.picks}
        case Separate():
            return {"sides": fact.sides, "holds": fact.holds}


def fact_of(id_: str, kind: str, record: str, t: int, body: Mapping[str, Any]) -> Kept:
    match kind:
        case "Observe":
            tags = body["tags"]
            return Observe(
                id=id_,
                t=t,
                record=record,
                unit=body["unit"],
                told=tuple(Told(*one) for one in body["told"]),
                fields=body["fields"],
                field_class=body["class"],
                tags=None if tags is None else TagEdit(tuple(tags[0]), tuple(tags[1]), tags[2]),
                covers=tuple(body["covers"]),
                claim=body["claim"],
                verdict=body["verdict"],
                signed=body.get("signed"),
            )
        case "Link":
            return Link(id_, t, record, body["right"], body["survivor"], body["picks"])
        case _:
            return Separate(
                id_,
                t,
                tuple(
                    Side(tuple(records), tuple(Identifier(*one) for one in kept))
                    for records, kept in body["sides"]
                ),
                body.get("holds", False),
            )


def identifier_of(fact: AboutIdentifier) -> Identifier:
    return Identifier("user", fact.user) if isinstance(fact, Revoke) else fact.identifier


def decision_of(id_: str, kind: str, one: Identifier, t: int) -> AboutIdentifier:
    """What was decided of an identifier at a time: a revocation reaches back from there."""
    match kind:
        case "Block":
            return Block(id_, one)
        case "Release":
            return Release(id_, t, one)
        case _:
            return Revoke(id_, one.key, ALWAYS, t)


def any_fact_of(id_: str, kind: str, record: str, t: int, body: Mapping[str, Any]) -> Stored:
    """Also what was decided about an identifier, whose body is its type and key."""
    if kind in ("Block", "Release", "Revoke"):
        return decision_of(id_, kind, Identifier(body["type"], body["key"]), t)
    return fact_of(id_, kind, record, t, body)


def without(fact: Kept, erased: frozenset[str]) -> Kept | None:
    """What is left of a fact when these records never were, or none."""
    match fact:
        case Observe():
            return None if fact.record in erased else fact
        case Link():
            return None if erased & {fact.left, fact.right} else fact
        case Separate():
            left = [
                Side(tuple(one for one in side.records if one not in erased), side.identifiers)
                for side in fact.sides
            ]
            living = tuple(side for side in left if side.records)
            return replace(fact, sides=living) if len(living) > 1 else None
