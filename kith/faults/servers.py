"""Broker and database of a fault run: ours to kill, each behind a proxy of its own."""

import contextlib
import os
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from kith.faults.proxy import FaultProxy
from kith.stack import kafka, ports, postgres
from kith.stack.processes import started_at

_PATIENCE_SECONDS = 150.0


class Servers:
    """`dsn` and `bootstrap` lead through the proxies; `direct_dsn` past it. Kafka sends everybody
    who asks to its proxy.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = ports.free_ports(2)
        self.to_postgres = FaultProxy(self._ports[0])
        self.to_kafka = FaultProxy(self._ports[1])
        self.bootstrap = f"127.0.0.1:{self.to_kafka.port}"
        self.start_postgres()
        try:
            self.start_kafka()
        except BaseException:
            self.postgres.stop()
            raise
        self.direct_dsn = self.postgres.dsn
        parts = urlsplit(self.direct_dsn)
        login = parts.netloc.rpartition("@")[0]
        self.dsn = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self.to_postgres.port}"))

    def stop(self) -> None:
        self.kafka.process.send_signal(signal.SIGCONT)
        self.kafka.stop()
        self.postgres.stop()
        self.to_kafka.stop()
        self.to_postgres.stop()

    @property
    def postgres_data(self) -> Path:
        return self._directory / "postgres" / "data"

    @property
    def kafka_data(self) -> Path:
        return self._directory / "kafka" / "data"

    def start_postgres(self) -> None:
        """A killed server's processes may linger, and its successor refuses: ask until it comes."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self.postgres = postgres.start(self._directory / "postgres", self._ports[0])
                return
            except postgres.PostgresDidNotStart:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def start_kafka(self) -> None:
        """Again and again on a busy machine: how long a start takes says nothing about faults."""
        directory, deadline = self._directory / "kafka", time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self.kafka = kafka.start(directory, self._ports[1], advertised=self.bootstrap)
                return
            except kafka.KafkaDidNotStart:
                if time.monotonic() > deadline:
                    raise

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster and all its children, as when a machine stops."""
        everybody = [self.postgres.pid, *children_of(self.postgres.pid)]
        for pid in everybody:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.postgres.process.wait(10)
        _await_end(everybody)

    def stop_postgres(self) -> None:
        """In order, at once: sessions are ended."""
        self.postgres.process.send_signal(postgres.STOP)
        self.postgres.process.wait(60)

    def kill_kafka(self) -> None:
        self.kafka.process.kill()
        self.kafka.process.wait(10)

    def end_kafka(self) -> None:
        """In order: it leaves its partitions and flushes."""
        self.kafka.process.terminate()
        self.kafka.process.wait(60)


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def terminate_backends(dsn: str, role: str) -> int:
    """End all sessions of a role, as an administrator does. How many there were."""
    connection = await asyncpg.connect(dsn)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity AS a"
                " WHERE a.usename = $1",
                role,
            )
        )
    finally:
        await connection.close()


async def kill_a_backend(dsn: str, role: str) -> bool:
    """SIGKILL to one session's process: the server drops every connection and recovers."""
    connection = await asyncpg.connect(dsn)
    try:
        pid = await connection.fetchval(
            "SELECT a.pid FROM pg_stat_activity AS a WHERE a.usename = $1 LIMIT 1", role
        )
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        return pid is not None
    finally:
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await connection.close(timeout=2)


def _await_end(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(started_at(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
