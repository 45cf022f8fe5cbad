"""Session locks on one direct connection: whoever holds a key sends for it, nobody else."""

import asyncio
from typing import Any, Self

import asyncpg

PING_SECONDS = 3.0
IDLE_LIMIT = "10s"
"""The server ends a session that is silent for longer, so that a stuck holder loses its locks."""


class Lease:
    """Keys held by this process. They go with the session, all at once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._guard = asyncio.Lock()
        self._connection: Any = None

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(
            self._dsn, server_settings={"idle_session_timeout": IDLE_LIMIT}
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close(timeout=5)

    async def take(self, key: str) -> bool:
        """False when another process holds it."""
        return bool(await self._ask("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key))

    async def give(self, key: str) -> None:
        await self._ask("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)

    async def keep(self) -> None:
        """Never returns; raises the driver's error once the session is lost."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self.ping()

    async def ping(self) -> None:
        await self._ask("SELECT $1::text", "alive")

    async def _ask(self, statement: str, argument: str) -> Any:
        async with self._guard:
            return await self._connection.fetchval(statement, argument)
