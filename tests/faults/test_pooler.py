"""A service behind a pooler that gives each transaction another session; its relay goes past it."""

import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr

from kith.stack import ports
from kith.stack.processes import stop_child
from service_kit import migrate
from service_kit.process import Running
from service_kit.service import Service, Stream
from service_kit.settings import KitSettings
from tests.service_kit.conftest import Start
from tests.service_kit.line import SECRET, Line, until, until_ready

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@pytest.fixture
def pooler(line: Line, tmp_path: Path) -> Iterator[str]:
    """host:port in front of the line's database: two sessions, handed over at each commit."""
    port, server = ports.pick(None), urlsplit(line.dsn)
    users, told = tmp_path / "users.txt", tmp_path / "pgbouncer.ini"
    services = (line.writer, line.reader)
    users.write_text(
        "".join(f'"{migrate.role_of(s)}" "{migrate.password_of(s, SECRET)}"\n' for s in services)
    )
    told.write_text(
        f"[databases]\n* = host={server.hostname} port={server.port}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = plain\nauth_file = {users}\n"
        "pool_mode = transaction\ndefault_pool_size = 2\nunix_socket_dir =\n"
    )
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    nobody = pwd.getpwnam("nobody")  # it refuses to work for root
    assert PROGRAM is not None
    with (tmp_path / "pooler.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, str(told)], stdout=log, stderr=log, user=nobody.pw_uid, group=nobody.pw_gid
        )
    try:
        while process.poll() is None and ports.is_free(port):
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        stop_child(process, patience=10)


async def test_all_is_applied_once_through_a_pooler(line: Line, pooler: str, start: Start) -> None:
    writer = await start(Running(Service(line.writer, behind(line, line.writer, pooler))))
    stream = Stream(line.noted.TOPIC, line.append, (line.noted,))
    reader = await start(
        Running(Service(line.reader, behind(line, line.reader, pooler), (stream,)))
    )
    await until_ready(writer, reader)
    for first in range(0, 200, 10):
        await line.emit(writer, *range(first, first + 10))

    async def there() -> bool:
        return len(await line.applied()) >= 200

    await until(there)
    assert await line.applied() == list(range(200))
    assert (writer.runtime.health.fatal, reader.runtime.health.fatal) == (None, None)


async def test_a_relay_lock_does_not_survive_a_pooler(line: Line, pooler: str) -> None:
    """So the relay has an address of its own; this is what it would meet without one."""
    dsn = through(migrate.service_dsn(line.dsn, line.writer, SECRET), pooler)
    connections = [await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(2)]
    try:
        locked = [await c.fetchval("SELECT pg_try_advisory_lock(1, 2)") for c in connections]
        assert locked == [True, True]
    finally:
        for connection in connections:
            await connection.close()


def behind(line: Line, service: str, pooler: str) -> KitSettings:
    settings = line.settings(service)
    direct = settings.service_postgres_dsn
    pooled = SecretStr(through(direct.get_secret_value(), pooler))
    return settings.model_copy(
        update={
            "service_postgres_dsn": pooled,
            "direct_postgres_dsn": direct,
            "statement_cache_size": 0,
        }
    )


def through(dsn: str, pooler: str) -> str:
    parts = urlsplit(dsn)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{pooler}"))
