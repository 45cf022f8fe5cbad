"""One phase of a bench: feed batches at the door, and watch when their events can be seen."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from kith.bench import meters
from kith.bench.statements import queries
from kith.bench.target import Target
from kith.bench.visits import Batch, Probe

LOOK_SECONDS: Final = 0.01
LOOKED_FOR: Final = 64
PATIENCE: Final = 600.0


@dataclass(frozen=True)
class Phase:
    """Figures of one phase. Milliseconds are from accepted to visible, CPU seconds per 1,000."""

    events: int
    seconds: float
    accepted_per_second: float
    per_second: float
    p50: float
    p99: float
    cpu: dict[str, float]
    cpu_total: float
    load: float


@dataclass
class Watch:
    """Looks for one event of each batch on the read side."""

    connection: Any
    waiting: dict[int, tuple[Probe, float]] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    last: float = 0.0

    async def run(self) -> None:
        """Until cancelled. A look costs as much as it takes: then the next one comes later."""
        while True:
            started = time.perf_counter()
            await self._look()
            took = time.perf_counter() - started
            await asyncio.sleep(max(LOOK_SECONDS, 2 * took))

    async def _look(self) -> None:
        looked = list(itertools.islice(self.waiting.items(), LOOKED_FOR))
        if not looked:
            return
        numbers = [number for number, _ in looked]
        probes = [probe for _, (probe, _) in looked]
        rows = await self.connection.fetch(
            queries.find_visible.text,
            numbers,
            [probe.space for probe in probes],
            [probe.record for probe in probes],
            [probe.event for probe in probes],
        )
        self.last = time.perf_counter() if rows else self.last
        for row in rows:
            _, accepted = self.waiting.pop(row["number"])
            self.delays.append(max(0.0, self.last - accepted))

    async def all_seen(self) -> None:
        deadline = time.perf_counter() + PATIENCE
        while self.waiting:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{len(self.waiting)} accepted batches never became visible")
            await asyncio.sleep(LOOK_SECONDS)


async def run(
    target: Target,
    connection: Any,
    batches: Sequence[Batch],
    *,
    rate: float | None = None,
    at_once: int = 6,
) -> Phase:
    """Feed all batches, as fast as they are taken or at a rate, and wait until nothing is open."""
    before, started = target.cpu(), time.perf_counter()
    watch = Watch(connection)
    watching = asyncio.create_task(watch.run())
    try:
        await _feed(target, batches, watch, rate, at_once)
        accepted = time.perf_counter()
        await watch.all_seen()
        await _all_applied(connection)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    events = sum(batch.events for batch in batches)
    used = meters.spent(before, target.cpu())
    cpu = {name: round(seconds / events * 1000, 3) for name, seconds in used.items()}
    cuts = statistics.quantiles(watch.delays, n=100, method="inclusive")
    return Phase(
        events=events,
        seconds=round(watch.last - started, 2),
        accepted_per_second=round(events / (accepted - started)),
        per_second=round(events / (watch.last - started)),
        p50=round(cuts[49] * 1000),
        p99=round(cuts[98] * 1000),
        cpu=cpu,
        cpu_total=round(sum(cpu.values()) - cpu["load"], 3),
        load=meters.machine()["load"],
    )


async def _all_applied(connection: Any) -> None:
    """Until every reader has applied what was written: only then is the work of a phase done."""
    while True:
        if not await connection.fetchval(queries.count_open.text):
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _feed(
    target: Target, batches: Sequence[Batch], watch: Watch, rate: float | None, at_once: int
) -> None:
    left = iter(enumerate(batches))
    doors = itertools.cycle(target.doors)
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def send(number: int, batch: Batch) -> None:
            answer = await client.post(
                f"{next(doors)}/v1/events",
                content=batch.body,
                headers={
                    "Authorization": f"Bearer {batch.agent.key}",
                    "Content-Type": "application/json",
                },
            )
            if answer.status_code != 202 or answer.json()["accepted"] != batch.events:
                raise RuntimeError(f"a batch was answered {answer.status_code}")
            watch.waiting[number] = (batch.probe, time.perf_counter())

        async def one_after_another() -> None:
            for number, batch in left:
                await send(number, batch)

        if rate is None:
            await asyncio.gather(*(one_after_another() for _ in range(at_once)))
            return
        started, due = time.perf_counter(), 0.0
        async with asyncio.TaskGroup() as sending:
            for number, batch in left:
                await asyncio.sleep(max(0.0, started + due - time.perf_counter()))
                sending.create_task(send(number, batch))
                due += batch.events / rate
