"""The relay: carries the outbox to the broker, in order, once at a time for the whole service."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from service_kit import metrics
from service_kit.outcomes import is_transient
from service_kit.queries import QUERIES
from service_kit.sender import Place, Sender

if TYPE_CHECKING:
    from service_kit.service import Runtime

_log = structlog.get_logger()
_MESSAGES = 2_000
_POLL = 0.05
_COMPARE_SECONDS = 5.0
_SESSION = {"idle_session_timeout": "10s", "statement_timeout": "10s"}


class HoleInOutbox(Exception):
    """A sequence is missing in the outbox: something wrote or deleted rows past the kit.

    Where a restore has jumped there is a known hole, and no row is missed.
    """


class OutboxBehindTopic(Exception):
    """A topic holds messages of ours that the database does not know: it was restored."""


class Relay:
    """One for each process; of all copies of a service only the holder of the lock works."""

    def __init__(self, runtime: "Runtime") -> None:
        self.wake = asyncio.Event()
        self._runtime = runtime
        self._stopping = False
        self._acknowledged: dict[Place, int] = {}
        self._last_offsets: dict[Place, int] = {}
        self._mark = 0
        self._holes: list[tuple[int, int]] = []

    async def run(self) -> None:
        """Until `stop`. What is down is waited for; a hole ends the process."""
        settings = self._runtime.settings
        while not self._stopping:
            sender = Sender(settings.kafka_bootstrap, self._runtime.name)
            connection: Any = None
            try:
                connection = await asyncpg.connect(settings.relay_dsn, server_settings=_SESSION)
                if await self._alone(connection):
                    await sender.start()
                    await self._relay(connection, sender)
            except (HoleInOutbox, OutboxBehindTopic) as refusal:
                self._runtime.stop(f"relay: {type(refusal).__name__}", refusal)
                return
            except Exception as error:
                if not (isinstance(error, KafkaError) or is_transient(error)):
                    self._runtime.stop(f"relay: {type(error).__name__}", error)
                    return
                metrics.count("relay.failed")
                _log.warning("relay.failed", error=type(error).__name__)
                self._runtime.health.note("relay", f"relay waits: {type(error).__name__}")
                await self._pause(0.5)
            finally:
                await sender.stop()
                if connection is not None:
                    connection.terminate()

    def stop(self) -> None:
        """End after the round at hand."""
        self._stopping = True
        self.wake.set()

    async def _alone(self, connection: Any) -> bool:
        while not self._stopping:
            if await connection.fetchval(QUERIES.try_relay_lock.text):
                return True
            await self._pause(1.0)
        return False

    async def _relay(self, connection: Any, sender: Sender) -> None:
        rows = await connection.fetch(QUERIES.list_relay_offsets.text)
        self._last_offsets = {(r["topic"], r["partition"]): r["last_offset"] for r in rows}
        self._acknowledged.clear()
        rows = await connection.fetch(QUERIES.list_holes.text)
        self._holes = [(r["first_seq"], r["last_seq"]) for r in rows]
        await self._refuse_if_behind(connection, sender)
        compared = 0.0
        while not self._stopping:
            if time.monotonic() - compared > _COMPARE_SECONDS:
                await self._compare_log_ends(connection, sender)
                compared = time.monotonic()
            if not await self._round(connection, sender):
                await self._pause(_POLL)

    async def _refuse_if_behind(self, connection: Any, sender: Sender) -> None:
        """A restored database would give out used sequences, which every reader drops."""
        newest = await asyncio.wait_for(sender.newest_own_sequence(self._last_offsets), 60)
        state = await connection.fetchrow(QUERIES.get_relay_state.text)
        if newest > state["head"]:
            raise OutboxBehindTopic

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wake.wait(), seconds)
        if not self._stopping:
            self.wake.clear()

    async def _compare_log_ends(self, connection: Any, sender: Sender) -> None:
        """A log that ends before what it acknowledged was wiped or made anew: send all again."""
        if not self._last_offsets:
            return
        ends = await sender.log_ends(list(self._last_offsets))
        cut = [place for place, last in self._last_offsets.items() if ends.get(place, 0) <= last]
        if cut:
            await self._refill_after_cut(connection, cut)

    async def _refill_after_cut(self, connection: Any, cut: list[Place]) -> None:
        metrics.count("relay.refilled")
        _log.error("relay.refilled", partitions=len(cut), reason="log was cut")
        topics, partitions = [t for t, _ in cut], [p for _, p in cut]
        async with connection.transaction():
            await connection.execute(QUERIES.forget_relay_offsets.text, topics, partitions)
            await connection.fetchval(QUERIES.lock_mark.text)
            await connection.fetchval(QUERIES.set_mark_back.text, 1)
        for place in cut:
            del self._last_offsets[place]
        self._acknowledged.clear()

    async def _round(self, connection: Any, sender: Sender) -> bool:
        """Send what is next. False when there was nothing."""
        state = await connection.fetchrow(QUERIES.get_relay_state.text)
        mark, head = state["mark"], state["head"]
        if mark < self._mark:
            self._acknowledged.clear()  # somebody asked for a refill
        self._mark = mark
        if mark >= head:
            self._runtime.health.note("relay", None)
            return False
        rows = await connection.fetch(QUERIES.list_unsent.text, mark, _MESSAGES)
        last = rows[-1]["last_seq"] if rows else head
        self._assert_no_hole(mark, last, rows)
        # In this session some partitions may be ahead of the mark: what they hold is done.
        result = await sender.send(rows, after=mark, done=self._acknowledged)
        self._acknowledged |= result.acknowledged
        open_from = [first for r in rows if (first := self._first_open(r, mark)) is not None]
        new_mark = min(open_from) - 1 if open_from else last
        cut = [
            p for p, last in result.last_offsets.items() if last <= self._last_offsets.get(p, -1)
        ]
        await self._save(connection, mark, new_mark, result.last_offsets)
        if cut:
            await self._refill_after_cut(connection, cut)
        if result.failure is not None:
            raise result.failure
        metrics.count("relay.sent", result.sent)
        return True

    def _first_open(self, row: Any, mark: int) -> int | None:
        """The first sequence of a row that is not acknowledged."""
        done = max(mark, self._acknowledged.get((row["topic"], row["partition"]), 0))
        return None if done >= row["last_seq"] else max(done + 1, int(row["first_seq"]))

    async def _save(
        self, connection: Any, mark: int, new_mark: int, last_offsets: dict[Place, int]
    ) -> None:
        """A mark that was moved back meanwhile stays there: then all of it is sent again."""
        self._last_offsets |= last_offsets
        topics, partitions = [t for t, _ in last_offsets], [p for _, p in last_offsets]
        offsets = list(last_offsets.values())
        saved = await connection.fetchval(
            QUERIES.mark_sent.text, mark, new_mark, topics, partitions, offsets
        )
        self._mark = new_mark if saved is not None else mark + 1

    def _assert_no_hole(self, mark: int, last: int, rows: list[Any]) -> None:
        """Commit order is sequence order, so a missing row will never come. Known ones may miss."""
        spans = [(row["first_seq"], row["last_seq"]) for row in rows] + self._holes
        if sum(max(0, min(b, last) - max(a - 1, mark)) for a, b in spans) != last - mark:
            raise HoleInOutbox
