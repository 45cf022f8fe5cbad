"""The registry of personal data against the database: what is not listed cannot be erased."""

from importlib import import_module
from typing import NamedTuple

import asyncpg
import pytest

from service_kit.personal_data import COLUMNS as KIT_COLUMNS
from service_kit.personal_data import Column
from tests.conventions.places import SERVICES

PERSONAL = ("identifying", "content")
# People of the team sign in and act; their names go with their account, not with an erasure.
OF_THE_TEAM = {"users", "audit"}


class Place(NamedTuple):
    table: str
    column: str


async def catalogue(database: str, service: str) -> set[Place]:
    """Tables and views of a schema; the parts of a partitioned table are the table itself."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            """
            SELECT c.relname, a.attname
              FROM pg_class AS c
              JOIN pg_attribute AS a ON a.attrelid = c.oid
             WHERE c.relnamespace = $1::regnamespace
               AND c.relkind IN ('r', 'p', 'v', 'm')
               AND NOT c.relispartition
               AND a.attnum > 0
               AND NOT a.attisdropped
            """,
            service,
        )
        return {Place(row["relname"], row["attname"]) for row in rows}
    finally:
        await connection.close()


def registry(service: str) -> tuple[Column, ...]:
    own: tuple[Column, ...] = import_module(f"{service}.personal_data").COLUMNS
    return own + tuple(KIT_COLUMNS)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_column_is_in_the_registry_and_nothing_else_is(
    service: str, database: str
) -> None:
    there = await catalogue(database, service)
    listed = [Place(column.table, column.column) for column in registry(service)]

    assert {"unlisted": there - set(listed), "gone": set(listed) - there} == {
        "unlisted": set(),
        "gone": set(),
    }
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("service", SERVICES)
def test_what_names_a_person_is_erased_and_exported(service: str) -> None:
    kept = [
        f"{column.table}.{column.column}"
        for column in registry(service)
        if column.klass in PERSONAL
        and column.on_erase == "keep"
        and column.table not in OF_THE_TEAM
    ]
    withheld = [
        f"{column.table}.{column.column}"
        for column in registry(service)
        if column.klass in PERSONAL and not column.export and not column.note
    ]
    assert not kept
    assert not withheld, "an export leaves it out without a reason in its note"


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_is_exported(service: str) -> None:
    assert not [c for c in registry(service) if c.klass == "secret" and c.export]


# Tables that no event of a space writes, so their key begins with something else.
TECHNICAL = {
    "contacts_api.workspaces": "a workspace is above its spaces",
    "contacts_api.users": "people of the team, who belong to a workspace",
    "contacts_api.sign_ins": "sessions of people of the team",
    "gdpr_purge.ledger": "one chain over all spaces",
    "gdpr_purge.ledger_head": "its last link",
    "gdpr_purge.ledger_details": "beside the chain, by its numbers",
}
FIRST_IN_A_KEY = {"space", "agent"}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_key_of_every_table_begins_with_space_or_agent(
    service: str, database: str
) -> None:
    """So no query can mix spaces by accident, and a space's rows lie together."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch(
            """
            SELECT c.relname, a.attname
              FROM pg_class AS c
              LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
              LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
             WHERE c.relnamespace = $1::regnamespace
               AND c.relkind IN ('r', 'p')
               AND NOT c.relispartition
            """,
            service,
        )
    finally:
        await connection.close()
    kit = {column.table for column in KIT_COLUMNS}
    wrong = {
        f"{service}.{row['relname']}"
        for row in rows
        if row["attname"] not in FIRST_IN_A_KEY and row["relname"] not in kit
    }
    assert wrong == {table for table in TECHNICAL if table.startswith(f"{service}.")}
