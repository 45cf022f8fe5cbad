"""The one poller: asks every service how far it is, keeps 15 minutes of it. Viewers read that."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import httpx
import structlog

from contacts_api.domain.lag import missing
from contacts_api.domain.told import KEPT, Round, Silent, Told, read_told, round_of
from service_kit import metrics, operating
from service_kit.outcomes import is_transient

if TYPE_CHECKING:
    from contacts_api.state import State
    from service_kit.service import Runtime

_log = structlog.get_logger()
OWN: Final = "contacts_api"
LONGEST_PATIENCE: Final = 4.0


class Watch:
    """Samples of this process only: after a restart the words are collected anew."""

    def __init__(self) -> None:
        self.rounds: deque[Round] = deque(maxlen=KEPT)

    async def look(self, state: "State", runtime: "Runtime") -> None:
        """Ask all of them at once; one that hangs costs a round its patience and no more."""
        patience = min(LONGEST_PATIENCE, max(1.0, 0.8 * runtime.settings.watch_seconds))
        doors = state.settings.doors
        answers = await asyncio.gather(
            _own(runtime), *(ask(state, url, "streams", patience) for url in doors.values())
        )
        services = dict(zip((OWN, *doors), map(_read, answers), strict=True))
        self.rounds.append(round_of(time.time(), services))
        for service, told in services.items():
            metrics.gauge("service.answers", float(isinstance(told, Told)), service=service)
        for group, places in missing(tuple(self.rounds)).items():
            metrics.gauge("sequences.missing", places, stream=group)


def watching(state: "State") -> "Callable[[Runtime], Awaitable[None]]":
    """The background task. Runs for ever."""

    async def watch(runtime: "Runtime") -> None:
        every = runtime.settings.watch_seconds
        while True:
            began = time.monotonic()
            await state.watch.look(state, runtime)
            await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))

    return watch


async def ask(
    state: "State", url: str, path: str, patience: float, method: str = "GET"
) -> dict[str, Any] | Silent:
    """An answer of a service's internal door, or why there is none."""
    if not url:
        return Silent("its address is not set")
    token = state.settings.service_token.get_secret_value()
    try:
        answer = await state.neighbours.request(
            method,
            f"{url.rstrip('/')}/internal/v1/{path}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=patience,
        )
    except httpx.ConnectError:
        return Silent("does not answer: nobody listens at its address", gone=True)
    except httpx.TimeoutException:
        return Silent(f"does not answer within {patience:.0f} s")
    except httpx.HTTPError as error:
        return Silent(f"does not answer: {type(error).__name__}")
    if not answer.is_success:
        return Silent(f"answers {answer.status_code}")
    told: dict[str, Any] = answer.json()
    return told


async def _own(runtime: "Runtime") -> dict[str, Any] | Silent:
    try:
        return await operating.tell(runtime)
    except Exception as error:
        if not is_transient(error):
            raise
        return Silent(f"database: {type(error).__name__}")


def _read(answer: dict[str, Any] | Silent) -> Told | Silent:
    """A neighbour of another version may tell something else."""
    if isinstance(answer, Silent):
        return answer
    try:
        return read_told(answer)
    except (KeyError, TypeError, ValueError) as error:
        _log.warning("service.misunderstood", error=type(error).__name__)
        return Silent("tells something that is not understood")
