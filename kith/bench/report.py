"""The figures of a run as lines; the last ones are for machines."""

from collections.abc import Iterator

from kith.bench.phases import Phase
from kith.bench.pipeline import Result


def lines(result: Result) -> Iterator[str]:
    shape = result.machine
    yield (
        f"{shape['cores']:.0f} cores, {shape['memory_gb']} GB, load {shape['load']} at the start; "
        f"{result.sizes.spaces} spaces, batches of 200 events"
    )
    yield ""
    yield f"{'':28}{'events/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU s per 1,000':>17}{'load':>7}"
    for when, floor in zip(("before", "after"), result.floor, strict=False):
        yield f"{'floor, ' + when:28}{floor.per_second:>9.0f}{'':18}{floor.cpu:>17}"
    one = result.one_by_one
    yield f"{'one message at a time':28}{one.per_second:>9.0f}{'':18}{one.cpu:>17}"
    for name, phase in result.phases.items():
        yield (
            f"{name:28}{phase.per_second:>9}{phase.p50:>9.0f}{phase.p99:>9.0f}"
            f"{phase.cpu_total:>17}{phase.load:>7}"
        )
    yield ""
    yield from _where_it_goes(result.phases["maximum"])
    yield ""
    total = sum(result.memory_mb.values())
    each = ", ".join(f"{name} {size:.0f}" for name, size in sorted(result.memory_mb.items()))
    yield f"peak memory of the services: {total:.0f} MB ({each})"
    kept = ", ".join(f"{count} {name}" for name, count in result.kept.items())
    yield f"kept at the end: {kept}"
    yield ""
    yield f"CPU ratio to floor: {result.cpu_ratio_to_floor}"
    yield f"CPU ratio to one-by-one: {result.cpu_ratio_to_one_by_one}"
    yield f"ratio to floor: {result.ratio_to_floor}"
    yield f"ratio to one-by-one: {result.ratio_to_one_by_one}"


def _where_it_goes(phase: Phase) -> Iterator[str]:
    yield "CPU seconds per 1,000 events at the maximum"
    for name, seconds in sorted(phase.cpu.items(), key=lambda item: -item[1]):
        share = "" if name == "load" else f"{seconds / phase.cpu_total:>7.0%}"
        yield f"  {name:26}{seconds:>9.3f}{share}"
