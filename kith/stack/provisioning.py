"""What servers need before services start: roles, schemas, migrations and topics."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

import service_kit
from kith.stack.configuration import SERVICES
from kith.stack.layout import ROOT
from service_kit import growing, migrate, restoring, topics
from service_kit.sql import load_queries

TOPICS_FILE = ROOT / "deploy" / "topics.yaml"


def prepare(bootstrap: str, admin_dsn: str, secret: str) -> dict[str, str]:
    """Bring both servers to what the services expect; the address of each service's own role."""
    return asyncio.run(_prepare(bootstrap, admin_dsn, secret))


def migrate_database(admin_dsn: str, secret: str) -> None:
    """Roles, schemas and migrations of all services."""
    asyncio.run(migrate.provision(admin_dsn, SERVICES, secret))


def create_topics(bootstrap: str) -> None:
    """The topics of deploy/topics.yaml, and no others."""
    asyncio.run(topics.provision(bootstrap, TOPICS_FILE))


def refill(admin_dsn: str, service: str, first: int) -> int | None:
    """Set a relay's mark back so that it sends again from `first`; the mark it has now.

    None when the service has written nothing that is still kept.
    """
    return asyncio.run(_refill(admin_dsn, service, first))


def grow_topics(bootstrap: str, admin_dsn: str) -> list[str]:
    """Give topics the partitions that deploy/topics.yaml has for them; which ones got more."""
    return asyncio.run(growing.grow(bootstrap, admin_dsn, TOPICS_FILE, SERVICES))


def restore(bootstrap: str, admin_dsn: str, service: str) -> restoring.Restored:
    """Set a service right whose schema was put back from a backup, before it starts."""
    listed = topics.load(TOPICS_FILE)
    return asyncio.run(restoring.restore(bootstrap, admin_dsn, service, SERVICES, listed))


def write_passwords(file: Path, admin_dsn: str, secret: str) -> None:
    """A passfile as PostgreSQL's clients read it, with one line for each service's role."""
    file.touch(mode=0o600)
    lines = []
    for service in SERVICES:
        address = urlsplit(migrate.service_dsn(admin_dsn, service, secret))
        lines.append(f"*:*:*:{address.username}:{unquote(address.password or '')}")
    file.write_text("\n".join(lines) + "\n")


async def _prepare(bootstrap: str, admin_dsn: str, secret: str) -> dict[str, str]:
    await asyncio.gather(
        migrate.provision(admin_dsn, SERVICES, secret), topics.provision(bootstrap, TOPICS_FILE)
    )
    return {service: migrate.service_dsn(admin_dsn, service, secret) for service in SERVICES}


async def _refill(admin_dsn: str, service: str, first: int) -> int | None:
    messaging = load_queries(Path(service_kit.__file__).with_name("messaging.sql"))
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute("SELECT set_config('search_path', $1, false)", service)
        mark: int | None = await connection.fetchval(messaging.set_mark_back.text, first)
        return mark
    finally:
        await connection.close()
