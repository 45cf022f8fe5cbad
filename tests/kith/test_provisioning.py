import asyncio
from pathlib import Path

import asyncpg
import pytest

from kith.stack import provisioning
from kith.stack.configuration import SERVICES


@pytest.mark.parametrize("service", SERVICES)
async def test_a_passfile_lets_each_service_in(
    database: str, secret: str, tmp_path: Path, service: str
) -> None:
    file = tmp_path / "pgpass"
    provisioning.write_passwords(file, database, secret)
    assert file.stat().st_mode & 0o077 == 0
    address, name = database.rpartition("@")[2].split("/")
    host, _, port = address.partition(":")
    connection = await asyncpg.connect(
        host=host, port=int(port), database=name, user=f"kith_{service}", passfile=str(file)
    )
    assert await connection.fetchval("SELECT current_user") == f"kith_{service}"
    await connection.close()


def test_a_refill_sets_the_mark_back_and_never_forward(database: str) -> None:
    asyncio.run(_fill(database))
    assert provisioning.refill(database, "ingest", 7) == 6
    assert provisioning.refill(database, "ingest", 9) == 6


def test_a_refill_of_a_service_that_wrote_nothing_does_nothing(database: str) -> None:
    assert provisioning.refill(database, "crm_sync", 1) is None


async def _fill(database: str) -> None:
    """An outbox whose ten rows have all been sent."""
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO ingest.outbox (first_seq, last_seq, prev, topic, partition, messages)"
        " SELECT n, n, n - 1, 'contacts.interactions.v1', 0, ''"
        " FROM generate_series(1, 10) AS n"
    )
    await connection.execute("UPDATE ingest.relay_mark SET last_seq = 10")
    await connection.close()
