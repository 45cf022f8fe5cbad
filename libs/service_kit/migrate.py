"""Roles, schemas and migrations of the services. Run by an administrator, never by a service."""

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from service_kit.settings import package_folder

_SERVICE = re.compile(r"[a-z][a-z_]{0,40}")
_LOCK = 5_484_120
_NO_TRANSACTION = "-- no-transaction"
_ROLE_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    # Our statements look up a handful of rows by key. The default is that of a spinning disk, and
    # makes whole tables be read instead.
    "random_page_cost": "1.1",
}


class MigrationChanged(Exception):
    """A migration that was applied has another text now; write a new one instead."""


@dataclass(frozen=True)
class Migration:
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def role_of(service: str) -> str:
    return f"kith_{service}"


def password_of(service: str, secret: str) -> str:
    """The role's password: hex HMAC-SHA256 of its name under the deployment secret."""
    return hmac.new(secret.encode(), f"postgres:{service}".encode(), hashlib.sha256).hexdigest()


def service_dsn(admin_dsn: str, service: str, secret: str) -> str:
    """The service's own address of the same database."""
    parts = urlsplit(admin_dsn)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(role_of(service))}:{password_of(service, secret)}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def migrations_of(service: str) -> list[Migration]:
    """The kit's, then the service's own, in order. Without a folder it has none of its own."""
    kit = _read(Path(__file__).with_name("migrations"), "kit/")
    package = package_folder(service)
    return kit if package is None else kit + _read(package / "migrations", "")


def _read(folder: Path, prefix: str) -> list[Migration]:
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [Migration(prefix + file.stem, file.read_text("utf-8")) for file in files]


async def provision(admin_dsn: str, services: Iterable[str], secret: str) -> None:
    """Bring the database to what these services expect. Safe to repeat, and in parallel.

    Raises MigrationChanged, or the database's own error with the migration rolled back.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute("SET lock_timeout = '2s'")
        await connection.fetchval("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for service in services:
            if not _SERVICE.fullmatch(service):
                raise ValueError("a service's name is lower case with underscores")
            await _provide_role(connection, service, secret)
            await _provide_schema(connection, service)
            await _migrate(connection, service)
            await _grant(connection, service)
    finally:
        await connection.close()


async def _provide_role(connection: Any, service: str, secret: str) -> None:
    role = role_of(service)
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        # Another database of this server may be provisioned at the same moment.
        with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await _run(connection, "CREATE ROLE %1$I LOGIN", role)
    await _alter(connection, "ALTER ROLE %1$I PASSWORD %2$L", role, password_of(service, secret))
    settings = {**_ROLE_SETTINGS, "search_path": service}
    for name, value in settings.items():
        await _alter(connection, "ALTER ROLE %1$I SET %2$I = %3$L", role, name, value)


async def _alter(connection: Any, template: str, *names: str) -> None:
    """Roles belong to the whole server: two databases may be at the same one."""
    for attempt in range(20):
        try:
            await _run(connection, template, *names)
            return
        except asyncpg.InternalServerError:  # "tuple concurrently updated"
            await asyncio.sleep(0.02 * (attempt + 1))
    await _run(connection, template, *names)


async def _provide_schema(connection: Any, service: str) -> None:
    await _run(connection, "CREATE SCHEMA IF NOT EXISTS %1$I", service)
    await _run(connection, "GRANT USAGE ON SCHEMA %1$I TO %2$I", service, role_of(service))


async def _grant(connection: Any, service: str) -> None:
    schema, role = service, role_of(service)
    rows = "SELECT, INSERT, UPDATE, DELETE"
    await _run(connection, f"GRANT {rows} ON ALL TABLES IN SCHEMA %1$I TO %2$I", schema, role)
    await _run(connection, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I", schema, role)
    # What was applied is the administrator's word, not the service's.
    await _run(connection, "REVOKE ALL ON %1$I.migrations FROM %2$I", schema, role)
    await _run(connection, "GRANT SELECT ON %1$I.migrations TO %2$I", schema, role)


async def _migrate(connection: Any, service: str) -> None:
    await _run(connection, "SET search_path = %1$I", service)
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied = dict(await connection.fetch("SELECT name, sha256 FROM migrations"))
    for migration in migrations_of(service):
        if migration.name not in applied:
            await _apply(connection, migration)
        elif not hmac.compare_digest(applied[migration.name], migration.sha256):
            raise MigrationChanged(f"{service}: {migration.name}")
    await connection.execute("RESET search_path")


async def _apply(connection: Any, migration: Migration) -> None:
    note = "INSERT INTO migrations (name, sha256) VALUES ($1, $2)"
    if migration.text.startswith(_NO_TRANSACTION):
        await connection.execute(migration.text)
        await connection.execute(note, migration.name, migration.sha256)
        return
    async with connection.transaction():
        await connection.execute(migration.text)
        await connection.execute(note, migration.name, migration.sha256)


async def _run(connection: Any, template: str, *names: str) -> None:
    """Statements that take no parameters: the server itself quotes the names into them."""
    text = await connection.fetchval(
        "SELECT format($1, VARIADIC $2::text[])", template, list(names)
    )
    await connection.execute(text)


def missing(service: str, applied: Sequence[tuple[str, str]]) -> list[str]:
    """Names of the service's migrations that the database has not, or has with another text."""
    there = set(applied)
    return [m.name for m in migrations_of(service) if (m.name, m.sha256) not in there]
