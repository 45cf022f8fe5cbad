"""Whether contacts are what the resolver's pure function makes of all facts that are stored."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import asyncpg

from contact_schema.changes import Snapshot
from merge_resolver.domain import Rules, resolve
from merge_resolver.domain.bodies import any_fact_of
from merge_resolver.domain.snapshot import snapshot_of

Seen = dict[str, tuple[frozenset[str], Snapshot | None]]
"""By contact: its records and its profile."""


def defined(rows: Iterable[asyncpg.Record], rules: Rules) -> Seen:
    """What the definition says."""
    facts = [
        any_fact_of(row["fact"], row["kind"], row["record"], row["t"], json.loads(row["body"]))
        for row in rows
    ]
    return {
        contact.id: (frozenset(r.id for r in contact.records), snapshot_of(contact, rules))
        for contact in resolve(facts, rules)
    }


def stored(rows: Iterable[asyncpg.Record]) -> Seen:
    """What a slice has."""
    records: dict[str, set[str]] = {}
    snapshots: dict[str, Any] = {}
    for row in rows:
        records.setdefault(row["contact"], set()).add(row["record"])
        snapshots[row["contact"]] = row["snapshot"]
    return {
        contact: (
            frozenset(held),
            Snapshot.model_validate_json(snapshots[contact]) if snapshots[contact] else None,
        )
        for contact, held in records.items()
    }


def differing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Contacts that are not as they should be, or are one too many or too few."""
    return sorted(
        contact
        for contact in wanted.keys() | found.keys()
        if wanted.get(contact) != found.get(contact)
    )
