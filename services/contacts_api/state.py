"""What the actions of one process share: the way to the database, waiting calls, limits, keys."""

import hashlib
import hmac
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import httpx
from argon2 import PasswordHasher

from contact_schema import records
from contacts_api.domain.probe_times import ProbeTimes
from contacts_api.settings import ContactsApiSettings
from contacts_api.settlements import Settlements
from contacts_api.watching import Watch
from service_kit.limits import TokenBucket
from service_kit.service import Runtime
from service_kit.tx import Tx

SIGN_INS_PER_MINUTE = 5


@dataclass
class State:
    """Made in `app.py`; routes find it as ``request.app.state.service_state``."""

    settings: ContactsApiSettings
    settlements: Settlements = field(default_factory=Settlements)
    calls: TokenBucket = field(default_factory=lambda: TokenBucket(100, 300))
    sign_ins: TokenBucket = field(
        default_factory=lambda: TokenBucket(SIGN_INS_PER_MINUTE / 60, SIGN_INS_PER_MINUTE)
    )
    passwords: PasswordHasher = field(default_factory=PasswordHasher)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    neighbours: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=10.0, follow_redirects=False)
    )
    watch: Watch = field(default_factory=Watch)
    probe: ProbeTimes = field(default_factory=ProbeTimes)
    runtime: Runtime | None = None

    def transaction(self, space: str | None = None) -> AbstractAsyncContextManager[Tx]:
        """One transaction that names its space."""
        if self.runtime is None:
            raise ConnectionError("the service is starting")
        return self.runtime.transaction(() if space is None else (space,))

    def secret_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same in every copy of this service."""
        secret = self.settings.secret.get_secret_value()
        return hmac.digest(secret.encode(), f"contacts_api:{purpose}".encode(), hashlib.sha256)

    def space_key(self, space: str) -> bytes:
        return _space_key(self.settings.secret.get_secret_value(), space)

    def attached(self) -> Callable[[Runtime], Coroutine[Any, Any, None]]:
        """The background task that gives this state its runtime and polls for waiting calls."""

        async def attach(runtime: Runtime) -> None:
            self.runtime = runtime
            await self.settlements.poll(runtime)

        return attach


@lru_cache(maxsize=4096)
def _space_key(secret: str, space: str) -> bytes:
    return records.space_key(secret, space)
