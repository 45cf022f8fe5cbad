"""How a message or a batch can end, besides done, rejected and suppressed."""

import asyncio

import asyncpg


class Retry(Exception):
    """Something else is down: roll the batch back, wait, take it again. The partition is kept."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class Stop(Exception):
    """Going on would do harm: the process ends loudly."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


TRANSIENT: tuple[type[BaseException], ...] = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    # No room, memory or connection left: an operator helps the server, and nobody this process.
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresIOError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,
)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later without anybody changing code or data."""
    if isinstance(error, asyncpg.InterfaceError):
        # Raised for a lost connection, but also for wrong arguments, which never heal.
        lost = "connect" in str(error) or "pool is clos" in str(error)
        # Putting a connection back that was lost within a COPY calls it busy.
        before = error.__context__
        lost = lost or (before is not None and is_transient(before))
        return lost and not isinstance(error, ValueError)
    # A missing file is an OSError too, and no amount of waiting brings it.
    return isinstance(error, TRANSIENT) and not isinstance(
        error, FileNotFoundError | PermissionError
    )
