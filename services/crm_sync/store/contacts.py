"""The values that cross, and which contact holds a record."""

import json
from collections.abc import Collection, Iterable, Mapping

import asyncpg

from crm_sync.domain.links import LocalContact
from crm_sync.store.sql import Named, columns, queries
from service_kit.tx import Tx


async def find_contacts(tx: Tx, named: Named) -> list[LocalContact]:
    return [_contact(row) for row in await tx.fetch(queries.find_contacts, *columns(named))]


async def list_contacts(tx: Tx, space: str, after: str, limit: int) -> list[LocalContact]:
    return [_contact(row) for row in await tx.fetch(queries.list_contacts, space, after, limit)]


async def upsert_contacts(tx: Tx, contacts: Iterable[LocalContact]) -> None:
    rows = [
        {
            "space": contact.space,
            "contact": contact.contact,
            "kind": contact.kind,
            "fields": dict(contact.fields),
            "version": contact.version,
        }
        for contact in contacts
    ]
    if rows:
        await tx.execute(queries.upsert_contacts, json.dumps(rows))


async def delete_contacts(tx: Tx, named: Named) -> None:
    if named:
        await tx.execute(queries.delete_contacts, *columns(named))


async def upsert_records(tx: Tx, held: Mapping[tuple[str, str], str]) -> None:
    """``held``: the contact of each (space, record)."""
    if held:
        await tx.execute(queries.upsert_records, *columns(held), list(held.values()))


async def delete_records(tx: Tx, left: Collection[tuple[str, str, str]]) -> None:
    """``left``: space, record and the contact that it left."""
    if left:
        spaces, records, contacts = zip(*left, strict=True)
        await tx.execute(queries.delete_records, list(spaces), list(records), list(contacts))


async def find_holders(tx: Tx, named: Named) -> dict[tuple[str, str], str]:
    rows = await tx.fetch(queries.find_holders, *columns(named))
    return {(row["space"], row["id"]): row["contact"] for row in rows}


def _contact(row: asyncpg.Record) -> LocalContact:
    return LocalContact(**{**row, "fields": json.loads(row["fields"])})
