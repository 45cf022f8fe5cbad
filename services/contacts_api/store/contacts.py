"""The list, the profiles and the record-to-contact mapping."""

from collections.abc import Iterable, Sequence

import asyncpg

from contacts_api.domain.contact_rows import Place, Row
from contacts_api.store.statements import as_json, columns, queries
from service_kit.tx import Tx


async def lock_spaces(tx: Tx, spaces: Iterable[str]) -> None:
    await tx.execute(queries.lock_spaces, sorted(set(spaces)))


async def upsert_contacts(tx: Tx, rows: Iterable[Row]) -> list[tuple[str, str, str]]:
    """Space, contact and kind of those that took a newer version."""
    ordered = sorted(rows, key=lambda row: (row["space"], row["contact"]))
    taken = await tx.fetch(queries.upsert_contacts, as_json(ordered))
    return [(row["space"], row["contact"], row["kind"]) for row in taken]


async def upsert_seen(tx: Tx, contacts: Iterable[tuple[str, str, str]]) -> None:
    """Space, contact, kind."""
    await tx.execute(queries.upsert_seen, *columns(sorted(contacts), 3))


async def upsert_profiles(tx: Tx, rows: Iterable[Row]) -> None:
    ordered = sorted(rows, key=lambda row: (row["space"], row["contact"]))
    await tx.execute(queries.upsert_profiles, as_json(ordered))


async def release_records(tx: Tx, left: Iterable[tuple[str, str, str, int]]) -> None:
    """Space, record, contact that it left, sequence."""
    await tx.execute(queries.release_records, *columns(sorted(left), 4))


async def upsert_records(tx: Tx, rows: Iterable[Row]) -> None:
    ordered = sorted(rows, key=lambda row: (row["space"], row["record"]))
    await tx.execute(queries.upsert_records, as_json(ordered))


async def mark_stood(tx: Tx, contacts: Iterable[Place]) -> None:
    await tx.execute(queries.mark_stood, *columns(sorted(contacts), 2))


async def delete_absorbed(tx: Tx, records: Iterable[Place]) -> None:
    await tx.execute(queries.delete_absorbed, *columns(sorted(records), 2))


async def delete_contacts(tx: Tx, contacts: Iterable[tuple[str, str, int]]) -> None:
    await tx.execute(queries.delete_contacts, *columns(sorted(contacts), 3))


async def raise_last_seen(tx: Tx, records: Iterable[Place]) -> None:
    await tx.execute(queries.raise_last_seen, *columns(sorted(records), 2))


async def sum_last_seen(tx: Tx, contacts: Iterable[Place]) -> None:
    await tx.execute(queries.sum_last_seen, *columns(sorted(contacts), 2))


async def find_record(tx: Tx, space: str, record: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_record, space, record)


async def find_contacts(tx: Tx, space: str, contacts: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.find_contacts, space, contacts)


async def list_tags(tx: Tx, space: str) -> list[str]:
    return [row["tag"] for row in await tx.fetch(queries.list_tags, space)]


async def list_former_ids(tx: Tx, space: str, contacts: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_former_ids, space, contacts)


async def list_channels(tx: Tx, space: str, contacts: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_channels, space, contacts)


async def list_crm_states(tx: Tx, space: str, contacts: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_crm_states, space, contacts)
