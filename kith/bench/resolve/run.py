"""All measures of one run. Each is taken in a process of its own, so that its memory is its own."""

import gc
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from kith.bench import meters
from kith.bench.resolve import engine, linkers, splink_apart, stored
from kith.bench.resolve.attacks import attacks
from kith.bench.resolve.crowd import Crowd, Stream
from kith.bench.resolve.linkers import Groups
from kith.bench.resolve.quality import Quality, quality
from kith.bench.resolve.stored import Stored
from merge_resolver.domain.facts import Observe

SCRATCH: Final = "from scratch"
BATCHES: Final = "in batches of 1,000"
SPLINK: Final = "splink"
ORACLE: Final = "oracle"
STORED_EVENTS: Final = 30_000
"""Of the stream, that also go through PostgreSQL: a third of them, six times, is measured. Their
messages are made before, and held in memory.
"""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Measure:
    """Events per second of CPU time: on one core, whatever else the machine does."""

    per_second: int
    peak_mb: float
    """Of the process, with the stream itself; 0 where it was not looked at."""
    quality: Quality


@dataclass
class Result:
    machine: dict[str, float]
    events: int
    records: int
    people: int
    seed: int
    stream_mb: float = 0.0
    measures: dict[str, Measure] = field(default_factory=dict)
    splink: str = ""
    """Its versions, or that it was skipped and why."""
    attacks: dict[str, Measure] = field(default_factory=dict)
    stored: Stored | None = None

    def ratios(self) -> dict[str, float | str]:
        """What is asked of them; a value that could not be had says so."""
        here, oracle = self.measures[BATCHES], self.measures[ORACLE]
        slowest = min(one.per_second for one in self.attacks.values())
        found: dict[str, float | str] = {
            "events per second in batches": here.per_second,
            "events per second from scratch": self.measures[SCRATCH].per_second,
            "precision": here.quality.precision,
            "recall to oracle": round(here.quality.recall - oracle.quality.recall, 4),
            "attack ratio": round(slowest / here.per_second, 3),
            "attack recall": min(one.quality.recall for one in self.attacks.values()),
        }
        if self.stored is not None:
            found["through postgres"] = self.stored.ratio
        splink = self.measures.get(SPLINK)
        if splink is None:
            return found | {"ratio to splink": "skipped"}
        # To know after every batch who is who, Splink links everything that came until then.
        batches = self.events / engine.BATCH
        again = splink.per_second / ((batches + 1) / 2)
        return found | {
            "ratio to splink from scratch": round(
                self.measures[SCRATCH].per_second / splink.per_second, 3
            ),
            "ratio to splink in batches": round(here.per_second / again, 1),
        }


def run(events: int, seed: int, scale: float, result: Path, tell: Tell) -> Result:
    tell(f"a stream of {events} events")
    stream = Crowd(seed).stream(events)
    people = len(set(stream.person_of.values()))
    found = Result(meters.machine(), events, len(stream.person_of), people, seed)
    found.stream_mb = meters.peak_megabytes(os.getpid())
    linked: dict[str, Callable[[Sequence[Observe]], Groups]] = {
        SCRATCH: engine.from_scratch,
        BATCHES: engine.in_batches,
        "connected components": linkers.components,
        "greedy by arrival": linkers.greedy,
        ORACLE: lambda facts: linkers.oracle(facts, stream.person_of),
    }
    for name, link in linked.items():
        tell(name)
        found.measures[name] = _apart(stream, link)
    tell(SPLINK)
    _beside_splink(stream, found, result.parent / "bench-splink")
    for name, attack in attacks(scale).items():
        tell(f"attack: {name}")
        found.attacks[name] = _apart(attack, engine.in_batches, warm=True)
    tell("through PostgreSQL")
    found.stored = _through_postgres(stream.facts[: min(events, STORED_EVENTS)])
    result.parent.mkdir(parents=True, exist_ok=True)
    document = asdict(found) | {"ratios": found.ratios()}
    result.write_text(json.dumps(document, indent=2) + "\n")
    return found


def _beside_splink(stream: Stream, found: Result, environment: Path) -> None:
    try:
        linked = splink_apart.link(stream.facts, environment)
    except (splink_apart.Skipped, OSError) as reason:
        found.splink = f"skipped: {reason}"
        return
    found.splink = linked.versions
    found.measures[SPLINK] = Measure(
        int(len(stream.facts) / linked.cpu), 0.0, quality(linked.groups, stream.person_of)
    )


def _through_postgres(facts: Sequence[Observe]) -> Stored:
    with TemporaryDirectory(prefix="kith-bench-") as directory:
        found: Stored = _in_a_process(_measure_stored, facts, Path(directory))
    return found


def _apart(
    stream: Stream, link: Callable[[Sequence[Observe]], Groups], *, warm: bool = False
) -> Measure:
    """``warm``: it is run once before, because a short stream is over before the interpreter has
    come to speed, of which a long one feels nothing.
    """
    measure: Measure = _in_a_process(_measure, stream, link, warm)
    return measure


def _in_a_process(work: Callable[..., None], *given: Any) -> Any:
    """What it sends back. It sees all that is here, and its time and memory are its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(*given, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()
        ours.close()
        process.close()


def _measure_stored(facts: Sequence[Observe], directory: Path, to: "Connection[Any, Any]") -> None:
    to.send(stored.measure(facts, directory))
    to.close()


def _measure(
    stream: Stream,
    link: Callable[[Sequence[Observe]], Groups],
    warm: bool,
    to: "Connection[Any, Any]",
) -> None:
    # As `kith resolve` does: what there is lives until the end.
    gc.freeze()
    gc.disable()
    if warm:
        link(stream.facts)
    started = time.process_time()
    groups = link(stream.facts)
    seconds = time.process_time() - started
    peak = meters.peak_megabytes(os.getpid())
    to.send(Measure(int(len(stream.facts) / seconds), peak, quality(groups, stream.person_of)))
    to.close()
