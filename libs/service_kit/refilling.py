"""Sending again when a reader misses something, and forgetting what is old enough."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from service_kit import metrics
from service_kit.queries import QUERIES
from service_kit.refills import RefillRequested
from service_kit.tx import Batch, Tx

if TYPE_CHECKING:
    from service_kit.service import Runtime

_log = structlog.get_logger()
KEPT_DAYS = 7
_PRUNED_AT_ONCE = 5_000
_PRUNE_SECONDS = 60.0


def on_refills(runtime: "Runtime") -> Callable[[Batch, Tx], Awaitable[None]]:
    """The handler of the refills stream: sets this producer's relay back, never forward."""

    async def handle(batch: Batch, tx: Tx) -> None:
        asked = [r.body for r in batch if isinstance(r.body, RefillRequested)]
        mine = [request.from_sequence for request in asked if request.producer == runtime.name]
        if not mine:
            return
        await tx.fetchval(QUERIES.lock_mark)
        mark = await tx.fetchval(QUERIES.set_mark_back, min(mine))
        metrics.count("relay.refilled")
        _log.error("relay.refilled", mark=mark, reason="a reader asked")
        tx.after_commit(runtime.relay.wake.set)

    return handle


async def prune(runtime: "Runtime") -> None:
    """Background task: what is older than every topic's retention goes, bit by bit."""
    while True:
        async with runtime.transaction() as tx:
            await tx.fetchval(QUERIES.lock_mark)
            done = await tx.execute(QUERIES.prune_outbox, KEPT_DAYS, _PRUNED_AT_ONCE)
            await tx.execute(QUERIES.prune_dead_letters, KEPT_DAYS)
        more = done == f"DELETE {_PRUNED_AT_ONCE}"
        await asyncio.sleep(1.0 if more else _PRUNE_SECONDS)


async def measure_outbox(runtime: "Runtime") -> None:
    """Background task: depth and age of the oldest unsent row, and dead letters nobody redrove."""
    while True:
        async with runtime.transaction() as tx:
            row = await tx.fetchrow(QUERIES.get_outbox_depth)
            letters = await tx.fetch(QUERIES.count_dead_letters)
        open_ = {row["topic"]: row for row in letters}
        for consumer in runtime.consumers:
            found, stream = open_.get(consumer.topic.name), consumer.group
            metrics.gauge("dead_letters.open", found["letters"] if found else 0, stream=stream)
            age = found["oldest_seconds"] if found else 0
            metrics.gauge("dead_letters.oldest_seconds", age, stream=stream)
        if row is not None:
            metrics.gauge("outbox.rows", row["rows"])
            metrics.gauge("outbox.oldest_seconds", row["oldest_seconds"])
        metrics.gauge("pool.in_use", runtime.pool.get_size() - runtime.pool.get_idle_size())
        await asyncio.sleep(runtime.settings.watch_seconds)
