"""A service: a settings object, a table of handlers, routes. `run` makes a process of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog
from fastapi import APIRouter

from contact_schema.envelope import Message
from service_kit import metrics, migrate, topics, tx
from service_kit.health import STOPPED, Health
from service_kit.outcomes import is_transient
from service_kit.queries import QUERIES
from service_kit.relay import Relay
from service_kit.replica import Replica
from service_kit.settings import KitSettings
from service_kit.tx import Batch, Tx

_log = structlog.get_logger()

Handler = Callable[[Batch, Tx], Awaitable[None]]


@dataclass(frozen=True)
class Stream:
    """One topic, read by one group, handled by one function."""

    topic: str
    handler: Handler
    messages: tuple[type[Message], ...]
    """What is handled; other types of the topic are passed over and counted."""
    trusted_sequences: bool = True
    """False where others write: then the handler itself tells repeats apart."""
    forget: Callable[[], None] | None = None
    """Called when partitions may be somebody else's by now: drop caches."""


@dataclass
class Service:
    """Everything a service is made of, wired in its app.py."""

    name: str
    settings: KitSettings
    streams: Sequence[Stream] = ()
    routers: Sequence[APIRouter] = ()
    replicas: Mapping[str, Replica[Any]] = field(default_factory=dict)
    tasks: "Sequence[Callable[[Runtime], Awaitable[None]]]" = ()
    """Background loops, cancelled at shutdown. One that fails unforeseen ends the process."""
    state: Any = None


class Runtime:
    """What is alive of a service. Routes and tasks get it; handlers get a Tx and nothing else."""

    def __init__(self, service: Service) -> None:
        self.name = service.name
        self.settings = service.settings
        self.topics = topics.load(service.settings.topics_file)
        self.replicas = service.replicas
        self.state = service.state
        self.health = Health()
        self.relay = Relay(self)
        self.consumers: list[Any] = []
        self._pool: Any = None

    @property
    def pool(self) -> Any:
        """Raises ConnectionError before the database has answered for the first time."""
        if self._pool is None:
            raise ConnectionError("the database has not answered yet")
        return self._pool

    @contextlib.asynccontextmanager
    async def transaction(self, spaces: Iterable[str] = (), group: str = "") -> AsyncIterator[Tx]:
        """One transaction, committed on a clean exit; then the relay is woken."""
        async with tx.begin(self.pool, self.name, self.topics, spaces, group) as opened:
            yield opened
        if opened.wrote_messages:
            self.relay.wake.set()

    async def open(self) -> None:
        """Connect to the database; waits until it answers and is migrated to head."""
        wait = 0.1
        while self._pool is None:
            try:
                self._pool = await self._connect()
            except Exception as error:
                if not is_transient(error) and not isinstance(error, asyncpg.PostgresError):
                    raise
                self.health.unready("postgres", f"database: {type(error).__name__}")
                _log.warning("database.awaited", error=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(2.0, wait * 2)
        self.health.ready("postgres")

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()

    def stop(self, cause: str, error: BaseException | None = None, code: int = STOPPED) -> None:
        """End the process loudly: something unforeseen, or going on would do harm."""
        kind = type(error).__name__ if error else ""
        _log.critical("service.stopped", cause=cause, error=kind, exc_info=error)
        self.health.end(cause, code)

    async def report(self) -> dict[str, Any]:
        """The body of /readyz, with a fresh look at the database."""
        await self._look_at_database()
        for name, replica in self.replicas.items():
            if replica.complete.is_set():
                self.health.ready(f"replica:{name}")
            else:
                self.health.unready(f"replica:{name}", f"reading {replica.topic}")
        streams = [consumer.report() for consumer in self.consumers]
        outbox = {
            "rows": int(metrics.value_of("outbox.rows")),
            "oldest_seconds": metrics.value_of("outbox.oldest_seconds"),
        }
        health = self.health.report()
        return {"service": self.name, **health, "streams": streams, "outbox": outbox}

    async def _look_at_database(self) -> None:
        try:
            async with asyncio.timeout(2), self.transaction() as opened:
                applied = await opened.fetch(QUERIES.list_migrations)
        except Exception as error:
            self.health.unready("postgres", f"database: {type(error).__name__}")
            return
        self.health.ready("postgres")
        behind = migrate.missing(self.name, [(r["name"], r["sha256"]) for r in applied])
        if behind:
            self.health.unready("migrations", f"{len(behind)} migrations are missing")
        else:
            self.health.ready("migrations")

    async def _connect(self) -> Any:
        settings = self.settings
        pool = await asyncpg.create_pool(
            settings.service_postgres_dsn.get_secret_value(),
            min_size=settings.pool_min_size,
            max_size=settings.pool_max_size,
            timeout=5,
            reset=_leave_as_it_is,
            statement_cache_size=settings.statement_cache_size,
            server_settings={"application_name": f"kith-{self.name}"},
        )
        async with pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(QUERIES.get_durability.text) == "off":
                # Accepted would no longer be kept.
                raise RuntimeError("synchronous_commit is off")
        return pool


async def _leave_as_it_is(_: Any) -> None:
    """Settings and locks are those of a transaction and end with it: there is nothing to reset, and
    a statement less for each transaction.
    """


def run(service: Service) -> None:
    """Blocks until SIGTERM (exit 0), or until something unforeseen ends it (exit 70 or 75)."""
    from service_kit.process import run_process

    run_process(service)
