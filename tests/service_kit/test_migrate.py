"""Roles and schemas: each service sees its own rows and nothing else."""

import asyncio

import asyncpg
import pytest

from service_kit import migrate
from tests.conftest import SECRET
from tests.conventions.places import SERVICES


@pytest.mark.parametrize("role", SERVICES)
async def test_each_role_is_refused_in_every_other_schema(
    role: str, database: str, secret: str
) -> None:
    connection = await asyncpg.connect(migrate.service_dsn(database, role, secret))
    try:
        for schema in (*(other for other in SERVICES if other != role), "public"):
            for statement in (
                f"SELECT 1 FROM {schema}.outbox",
                f"INSERT INTO {schema}.outbox_head (last_seq) VALUES (1)",
                f"CREATE TABLE {schema}.mine (x int)",
            ):
                with pytest.raises(
                    (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)
                ):
                    await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("role", SERVICES)
async def test_a_role_has_its_rows_and_changes_no_schema(
    role: str, database: str, secret: str
) -> None:
    """A service never migrates itself, and what was applied is not its word."""
    connection = await asyncpg.connect(migrate.service_dsn(database, role, secret))
    try:
        assert await connection.fetchval("SELECT last_seq FROM outbox_head") == 0
        for statement in (
            "CREATE TABLE mine (x int)",
            "ALTER TABLE outbox ADD COLUMN x int",
            "DELETE FROM migrations",
            "CREATE ROLE somebody",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_provisioning_twice_and_at_once_is_harmless(postgres: str, database: str) -> None:
    await asyncio.gather(*(migrate.provision(database, SERVICES, SECRET) for _ in range(3)))


async def test_a_migration_that_was_applied_is_never_edited(database: str, secret: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE ingest.migrations SET sha256 = 'another'")
    finally:
        await connection.close()

    with pytest.raises(migrate.MigrationChanged):
        await migrate.provision(database, ["ingest"], secret)


async def test_a_name_that_is_no_service_reaches_no_statement(postgres: str) -> None:
    with pytest.raises(ValueError, match="lower case"):
        await migrate.provision(postgres, ['ingest"; DROP ROLE kith'], "secret")
