"""What must hold whenever nothing is on its way: the tables say what the definition says of all
that was sent, and whoever reads what was told has the same.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import orjson

from contact_schema.changes import (
    CommandSettled,
    ContactChanged,
    ContactCreated,
    ContactErased,
    ContactsMerged,
    ContactSplit,
    Snapshot,
)
from contact_schema.commands import ObserveRecord
from contact_schema.envelope import Message
from contact_schema.interactions import IdentityVerified, InteractionAccepted
from contact_schema.settings import Policies
from merge_resolver.domain import Rules, resolve
from merge_resolver.domain.bodies import decision_of, fact_of, observe
from merge_resolver.domain.facts import Fact, Identifier, Observe
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.rulebook import rules_under
from tests.merge_resolver.hosts import Host, Told


def facts_sent(messages: Collection[Message], unchanged: Collection[str]) -> list[Observe]:
    """``unchanged`` are commands that told nothing."""
    found = []
    for one in messages:
        match one:
            case InteractionAccepted():
                found.append(observe(one.record, one.unit, one.observation, one.claim))
            case IdentityVerified():
                made = observe(
                    one.record,
                    one.unit,
                    one.observation,
                    one.claim,
                    verdict=True,
                    signed_at=one.signed_at,
                )
                found.append(made)
            case ObserveRecord() if one.command not in unchanged:
                found.append(observe(one.record, one.unit, one.observation))
    return found


@dataclass
class Reader:
    """Who has nothing but what was told of one space."""

    contact_of: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    ends: dict[str, CommandSettled] = field(default_factory=dict)
    merges: list[str] = field(default_factory=list)
    given_out: set[str] = field(default_factory=set)
    """Every id that was ever told as a contact's."""
    created: set[str] = field(default_factory=set)

    def read(self, told: Told) -> None:
        match told.message:
            case ContactCreated() as made:
                self.created.add(made.contact)
            case ContactChanged(snapshot=snapshot) as changed:
                contact = snapshot.contact
                assert contact in self.created, "told of before it was created"
                self.given_out.add(contact)
                self.snapshots[contact], self.versions[contact] = snapshot, told.sequence
                self.contact_of |= {one.record: contact for one in changed.joined}
                for record in changed.left:
                    if self.contact_of.get(record) == contact:
                        del self.contact_of[record]
            case ContactsMerged() as merged:
                self.merges.append(merged.merge)
                self.given_out |= {merged.into, *merged.absorbed}
            case ContactSplit() as split:
                self.given_out |= {split.contact, *split.parts}
            case ContactErased() as erased:
                for record in erased.ids:
                    self.contact_of.pop(record, None)
            case CommandSettled() as settled:
                self.ends.setdefault(settled.command, settled)


def check(host: Host, space: str, sent: Collection[Message]) -> Reader:
    """Raises AssertionError. What a reader has."""
    told = host.told()
    _chained(told)
    reader = Reader()
    for message in told:
        if message.space == space:
            reader.read(message)
    fenced = {
        row["record"]
        for row in host.fetch("SELECT record FROM merge_resolver.fences WHERE space = $1", space)
    }
    contact_of = {
        row["record"]: row["contact"]
        for row in host.fetch(
            "SELECT record, contact FROM merge_resolver.records"
            " WHERE space = $1 AND contact IS NOT NULL",
            space,
        )
    }
    stored = {
        row["contact"]: row
        for row in host.fetch(
            "SELECT contact, version, set_version, snapshot::text"
            " FROM merge_resolver.contacts WHERE space = $1",
            space,
        )
    }
    wanted = _defined(host, space, sent, reader, fenced)
    snapshots = {one: Snapshot.model_validate_json(row["snapshot"]) for one, row in stored.items()}
    assert contact_of == {record: one for one, (held, _) in wanted.items() for record in held}
    assert snapshots == {one: snapshot for one, (_, snapshot) in wanted.items()}

    assert {r: c for r, c in reader.contact_of.items() if r not in fenced} == contact_of
    assert {one: reader.snapshots[one] for one in stored} == snapshots
    assert {one: reader.versions[one] for one in stored} == {
        one: row["version"] for one, row in stored.items()
    }
    for one in reader.given_out - fenced:
        assert contact_of[contact_of[one]] == contact_of[one], "an id that leads nowhere"
    return reader


def _chained(told: list[Told]) -> None:
    """No number of a partition is missing, and each comes once."""
    ends: dict[int, int] = {}
    for one in told:
        assert one.previous == ends.get(one.partition, one.previous)
        ends[one.partition] = one.sequence


def _defined(
    host: Host, space: str, sent: Collection[Message], reader: Reader, fenced: set[str]
) -> dict[str, tuple[set[str], Snapshot]]:
    """What the definition makes of what was sent, and of what was decided, which depends on what
    stood when it came.
    """
    unchanged = {
        one.command for one in reader.ends.values() if one.outcome in ("unchanged", "refused")
    }
    facts: list[Fact] = [one for one in facts_sent(sent, unchanged) if one.record not in fenced]
    known = {one.id for one in facts}
    for row in host.fetch(
        "SELECT fact, kind, record, t, body::text FROM merge_resolver.facts WHERE space = $1",
        space,
    ):
        fact = fact_of(row["fact"], row["kind"], row["record"], row["t"], orjson.loads(row["body"]))
        if fact.id not in known and getattr(fact, "record", None) not in fenced:
            facts.append(fact)
    facts += _about_identifiers(host, space)
    rules = _rules(host, space)
    return {
        contact.id: ({record.id for record in contact.records}, snapshot_of(contact, rules))
        for contact in resolve(facts, rules)
    }


def _about_identifiers(host: Host, space: str) -> list[Fact]:
    rows = host.fetch(
        "SELECT fact, kind, type, key, t FROM merge_resolver.decisions WHERE space = $1", space
    )
    return [
        decision_of(one["fact"], one["kind"], Identifier(one["type"], one["key"]), one["t"])
        for one in rows
    ]


def _rules(host: Host, space: str) -> Rules:
    rows: list[Any] = host.fetch(
        "SELECT policies::text, rules_version FROM merge_resolver.spaces WHERE space = $1", space
    )
    if not rows or rows[0]["policies"] is None:
        return Rules()
    policies = Policies.model_validate_json(rows[0]["policies"])
    return rules_under(policies, rows[0]["rules_version"])
