"""Requests that arrive together share one transaction, and each is answered after its commit."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from ingest.domain import Arrival
from ingest.handlers import Accepted, accept, count_rejected
from service_kit import metrics
from service_kit.outcomes import is_transient
from service_kit.tx import Tx

COLLECT_SECONDS: Final = 0.005
COLLECT_EVENTS: Final = 500


class Transactions(Protocol):
    """What is needed of the runtime."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]: ...


@dataclass(frozen=True, slots=True)
class _Request:
    arrivals: Sequence[Arrival]
    answer: asyncio.Future[Accepted]


class Acceptor:
    """Collects the events of requests for up to 5 ms or 500 events.

    One transaction runs at a time: what arrives meanwhile is the next one, so that load makes
    transactions larger and not more of them.
    """

    def __init__(self) -> None:
        self._waiting: list[_Request] = []
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()

    async def accept(self, arrivals: Sequence[Arrival]) -> Accepted:
        """Returns after the commit. Raises what the transaction raised; nothing is kept then."""
        if not arrivals:
            return Accepted((), (), ())
        request = _Request(arrivals, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._arrived.set()
        if self._collected() >= COLLECT_EVENTS:
            self._enough.set()
        return await request.answer

    async def run(self, transactions: Transactions) -> None:
        """The loop that accepts; runs as long as the service."""
        try:
            while True:
                await self._arrived.wait()
                await self._collect()
                await self._accept_together(transactions, self._take())
        finally:
            for request in self._waiting:
                request.answer.cancel()
            self._waiting.clear()

    def _collected(self) -> int:
        return sum(len(request.arrivals) for request in self._waiting)

    async def _collect(self) -> None:
        try:
            async with asyncio.timeout(COLLECT_SECONDS):
                await self._enough.wait()
        except TimeoutError:
            pass

    def _take(self) -> list[_Request]:
        """Whole requests, the oldest first, until there are enough events."""
        taken: list[_Request] = []
        events = 0
        while self._waiting and (not taken or events < COLLECT_EVENTS):
            taken.append(self._waiting.pop(0))
            events += len(taken[-1].arrivals)
        self._enough.clear()
        if not self._waiting:
            self._arrived.clear()
        return taken

    async def _accept_together(self, transactions: Transactions, requests: list[_Request]) -> None:
        try:
            arrivals = [arrival for request in requests for arrival in request.arrivals]
            accepted = await _commit(transactions, arrivals)
        except Exception as error:
            if len(requests) == 1 or is_transient(error):
                for request in requests:
                    _fail(request, error)
                return
            # One of them may be at fault, and the others are not: each for itself.
            for request in requests:
                await self._accept_together(transactions, [request])
            return
        except asyncio.CancelledError:
            for request in requests:
                request.answer.cancel()
            raise
        start = 0
        for request in requests:
            end = start + len(request.arrivals)
            if not request.answer.done():
                request.answer.set_result(accepted.part(start, end))
            start = end


async def _commit(transactions: Transactions, arrivals: list[Arrival]) -> Accepted:
    async with transactions.transaction() as tx:
        accepted = await accept(tx, arrivals, datetime.now(UTC))
    suppressed, duplicates = sum(accepted.suppressed), sum(accepted.duplicates)
    metrics.count("events.accepted", len(arrivals) - duplicates - sum(accepted.rejected))
    count_rejected(accepted)
    if suppressed:
        metrics.count("messages.suppressed", suppressed, stream="doors")
    return accepted


def _fail(request: _Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)
