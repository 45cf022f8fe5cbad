"""How much the whole pipeline takes: HTTP batches in, contact and timeline visible when read.

The yardsticks are measured in the same run, on the same servers and the same events, so that the
machine's own speed cancels out; the floor once before and once after, because others may use it.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from kith.bench import meters, phases, target, yardsticks
from kith.bench.phases import Phase
from kith.bench.statements import queries
from kith.bench.target import Target
from kith.bench.visits import Agent, Batch, Crowd
from kith.bench.yardsticks import Yardstick
from kith.stack import SERVICES

BATCH: Final = 200
WARM_UP: Final = 20

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How much is measured. A quick run has a tenth of it."""

    events: int = 40_000
    spaces: int = 24
    existing: int = 10_000
    large: int = 0
    """Existing contacts of a second round; 0: none."""
    seconds: float = 20.0
    """How long half the maximum is held."""
    floor: int = 100_000
    one_by_one: int = 2_000


@dataclass
class Result:
    """Everything that one run has measured."""

    machine: dict[str, float]
    sizes: Sizes
    floor: list[Yardstick] = field(default_factory=list)
    one_by_one: Yardstick = field(default_factory=lambda: Yardstick(0, 0))
    phases: dict[str, Phase] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    slowest: str = ""
    kept: dict[str, int] = field(default_factory=dict)

    @property
    def ratio_to_floor(self) -> float:
        floor = sum(one.per_second for one in self.floor) / len(self.floor)
        return round(self.phases["maximum"].per_second / floor, 4)

    @property
    def cpu_ratio_to_floor(self) -> float:
        """The same by CPU time, which others on the machine disturb less."""
        floor = sum(one.cpu for one in self.floor) / len(self.floor)
        return round(floor / self.phases["maximum"].cpu_total, 4)

    @property
    def cpu_ratio_to_one_by_one(self) -> float:
        return round(self.one_by_one.cpu / self.phases["maximum"].cpu_total, 2)

    @property
    def ratio_to_one_by_one(self) -> float:
        return round(self.phases["maximum"].per_second / self.one_by_one.per_second, 2)

    def document(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "memory_total_mb": round(sum(self.memory_mb.values()), 1),
            "ratio_to_floor": self.ratio_to_floor,
            "ratio_to_one_by_one": self.ratio_to_one_by_one,
            "cpu_ratio_to_floor": self.cpu_ratio_to_floor,
            "cpu_ratio_to_one_by_one": self.cpu_ratio_to_one_by_one,
        }


def run(sizes: Sizes, file: Path, tell: Tell) -> Result:
    """Measure all there is, and keep the figures as JSON in ``file``."""
    result = Result(meters.machine(), sizes)
    with tempfile.TemporaryDirectory(prefix="kith-bench-") as folder:
        directory = Path(folder)
        tell("starting broker and database")
        with target.servers(directory) as servers:
            asyncio.run(_yardsticks(servers, result, tell))
            tell("starting the services")
            with target.stack(directory, servers) as stack:
                asyncio.run(_pipeline(target.target(stack, servers, sizes.spaces), result, tell))
            tell("the floor, once more")
            asyncio.run(_floor(servers, result))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result.document(), indent=1) + "\n")
    return result


async def _yardsticks(servers: target.Servers, result: Result, tell: Tell) -> None:
    sizes = result.sizes
    strangers = [Agent(f"agent_{n}", f"space_{n}", b"bench", "") for n in range(sizes.spaces)]
    tell("writing events for the yardsticks")
    batches = _batches(_crowds(strangers, "yardstick"), sizes.floor)
    await yardsticks.write_events(servers.kafka.bootstrap, batches)
    tell("one message at a time")
    result.one_by_one = await yardsticks.measure("one_by_one", servers, sizes.one_by_one)
    tell("the floor")
    await _floor(servers, result)


async def _floor(servers: target.Servers, result: Result) -> None:
    result.floor.append(await yardsticks.measure("floor", servers, result.sizes.floor))


async def _pipeline(stack: Target, result: Result, tell: Tell) -> None:
    # Looking must cost the database next to nothing, whatever it has counted of its tables so far.
    looking = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
    connection = await asyncpg.connect(stack.servers.postgres.dsn, server_settings=looking)
    crowds = _crowds(stack.agents, "visit")
    tell("warming up")
    await phases.run(stack, connection, _batches(crowds, WARM_UP * BATCH))
    await _grow(stack, connection, crowds, result.sizes.existing, result, tell)
    await _at_size(stack, connection, crowds, "", result, tell)
    tell("one single space")
    alone = _batches(crowds[:1], max(BATCH * 10, result.sizes.events // 4))
    result.phases["single space"] = await phases.run(stack, connection, alone)
    used = result.phases["maximum"].cpu
    result.slowest = max(SERVICES, key=lambda name: used[name])
    tell(f"two processes of {result.slowest}")
    result.memory_mb = stack.memory()
    with stack.second(result.slowest):
        await phases.run(stack, connection, _batches(crowds, WARM_UP * BATCH))
        batches = _batches(crowds, result.sizes.events)
        result.phases[f"two of {result.slowest}"] = await phases.run(stack, connection, batches)
    if result.sizes.large:
        await _grow(stack, connection, crowds, result.sizes.large, result, tell)
        await _at_size(stack, connection, crowds, f" at {result.sizes.large}", result, tell)
        result.memory_mb = stack.memory()
    kept = await connection.fetchrow(queries.count_kept.text)
    result.kept = dict(kept or {})
    await connection.close()


async def _grow(
    stack: Target, connection: Any, crowds: list[Crowd], size: int, result: Result, tell: Tell
) -> None:
    """Up to that many contacts with an address, all of them by the front door."""
    tell(f"growing to {size} existing contacts")
    missing = size - sum(crowd.existing for crowd in crowds)
    batches = [crowds[number % len(crowds)].people(BATCH) for number in range(-(-missing // BATCH))]
    if batches:
        result.phases[f"new contacts to {size}"] = await phases.run(stack, connection, batches)


async def _at_size(
    stack: Target, connection: Any, crowds: list[Crowd], suffix: str, result: Result, tell: Tell
) -> None:
    sizes = result.sizes
    tell(f"as much as is taken{suffix}")
    batches = _batches(crowds, sizes.events)
    maximum = await phases.run(stack, connection, batches)
    result.phases[f"maximum{suffix}"] = maximum
    tell(f"half of that{suffix}")
    rate = maximum.per_second / 2
    batches = _batches(crowds, int(rate * sizes.seconds))
    result.phases[f"half{suffix}"] = await phases.run(stack, connection, batches, rate=rate)


def _crowds(agents: Sequence[Agent], seed: str) -> list[Crowd]:
    return [Crowd(agent, number, seed) for number, agent in enumerate(agents)]


def _batches(crowds: Sequence[Crowd], events: int) -> list[Batch]:
    """By turns, one batch of each space."""

    def turns() -> Iterator[Batch]:
        for number in range(-(-events // BATCH)):
            yield crowds[number % len(crowds)].batch(BATCH)

    return list(turns())
