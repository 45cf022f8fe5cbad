from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from kith.stack import postgres
from kith.stack.processes import started_at

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that only its owner may enter, below another such folder."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    return closed / "postgres"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[postgres.Postgres]:
    running = postgres.start(home)
    yield running
    running.stop()


async def test_it_answers_over_tcp_with_a_password(server: postgres.Postgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SELECT current_setting('is_superuser')") == "on"
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn, password="guess")


async def test_it_is_durable_and_its_log_keeps_nothing_people_wrote(
    server: postgres.Postgres, home: Path
) -> None:
    connection = await asyncpg.connect(server.dsn)
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SHOW synchronous_commit") == "on"

    await connection.execute("CREATE TABLE people (email text PRIMARY KEY)")
    await connection.execute("INSERT INTO people VALUES ($1)", "canary@example.com")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO people VALUES ($1)", "canary@example.com")
    await connection.close()
    assert "canary" not in (home / "postgres.log").read_text()


async def test_what_was_committed_survives_a_stop(tmp_path: Path) -> None:
    first = postgres.start(tmp_path)
    connection = await asyncpg.connect(first.dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await connection.close()
    first.stop()
    assert started_at(first.pid) is None

    again = postgres.start(tmp_path)
    connection = await asyncpg.connect(again.dsn)
    assert await connection.fetchval("SELECT one FROM kept") == 1
    await connection.close()
    again.stop()


async def test_it_starts_again_after_a_kill(tmp_path: Path) -> None:
    first = postgres.start(tmp_path)
    first.process.kill()
    first.process.wait()
    again = postgres.start(tmp_path)
    connection = await asyncpg.connect(again.dsn)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    again.stop()


def test_a_second_server_on_the_same_data_is_refused(
    server: postgres.Postgres, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(postgres.PostgresDidNotStart):
        postgres.start(home, log=tmp_path / "second.log")
    assert server.process.poll() is None
