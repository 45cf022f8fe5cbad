"""The figures as lines; the last ones are for machines."""

from collections.abc import Iterator

from kith.bench.resolve.run import Measure, Result


def lines(found: Result) -> Iterator[str]:
    yield (
        f"{found.events} events in {found.records} records of {found.people} people, seed "
        f"{found.seed}; the stream alone takes {found.stream_mb:.0f} MB; load "
        f"{found.machine['load']} at the start"
    )
    yield f"{'':32}{'events/s':>9}{'peak MB':>9}{'precision':>11}{'recall':>9}"
    for name, measure in found.measures.items():
        yield _line(name, measure)
    yield f"splink: {found.splink}"
    for name, measure in found.attacks.items():
        yield _line(f"attack: {name}", measure)
    if found.stored is not None:
        here = found.stored
        yield (
            f"through PostgreSQL, {here.events} events of people who are mostly known: "
            f"{here.handler_per_second} a second of CPU, {here.clock_per_second} on the clock "
            f"({here.database_cpu_seconds} s of CPU in the database); the engine alone "
            f"{here.engine_per_second}"
        )
    yield ""
    for name, ratio in found.ratios().items():
        yield f"{name}: {ratio}"


def _line(name: str, one: Measure) -> str:
    peak = f"{one.peak_mb:.0f}" if one.peak_mb else ""
    q = one.quality
    return f"{name:32}{one.per_second:>9}{peak:>9}{q.precision:>11.4f}{q.recall:>9.4f}"
