"""Benchmarks: how fast this is, on this machine."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from kith.bench import pipeline, report, writes
from kith.commands.target import Directory, out, target
from kith.stack import LOCAL, Stack


def bench_writes(
    rounds: Annotated[int, typer.Option(min=1, help="Calls of each kind.")] = 200,
    directory: Directory = LOCAL,
) -> None:
    """How long a write takes until it is read back, against a plain read."""
    stack = Stack(directory)
    stack.layout.make()
    timings = writes.run(target(directory), rounds, stack.layout.directory / "bench-writes.json")
    read = timings["read"]
    for kind, timing in timings.items():
        times = f"median {timing.median:6.1f} ms  p99 {timing.p99:6.1f} ms"
        out.print(f"{kind:10} {times}  {timing.median / read.median:4.1f} x read")


def bench_pipeline(
    events: Annotated[int, typer.Option(min=2000, help="Events of a phase.")] = 40_000,
    spaces: Annotated[int, typer.Option(min=1, help="Spaces they are spread over.")] = 24,
    existing: Annotated[int, typer.Option(min=0, help="Contacts that are there before.")] = 10_000,
    large: Annotated[
        int, typer.Option(min=0, help="Measure again at this many, say 300000; 0: do not.")
    ] = 0,
    seconds: Annotated[float, typer.Option(min=2, help="How long half of it is held.")] = 20,
    quick: Annotated[bool, typer.Option("--quick", help="Under two minutes, less exact.")] = False,
    result: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = LOCAL
    / "bench.json",
) -> None:
    """How many events a second become visible, against the floor and against one at a time."""
    sizes = pipeline.Sizes(events, spaces, existing, large, seconds)
    if quick:
        sizes = pipeline.Sizes(10_000, spaces, min(existing, 2_000), 0, 8, 40_000, 1_000)
    signal.signal(signal.SIGTERM, _end)
    measured = pipeline.run(sizes, result, lambda phase: typer.echo(f"… {phase}", err=True))
    for line in report.lines(measured):
        typer.echo(line)


def bench_resolve(
    events: Annotated[int, typer.Option(min=1000, help="Events of the stream.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Another seed, another crowd.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Under two minutes, less exact.")] = False,
    result: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = LOCAL
    / "bench-resolve.json",
) -> None:
    """How fast and how well contacts are found, beside other linkers, on one core."""
    from kith.bench.resolve import report as figures
    from kith.bench.resolve import run

    if quick:
        events = min(events, 100_000)
    scale = 0.2 if quick else 1.0
    found = run.run(events, seed, scale, result, lambda step: typer.echo(f"… {step}", err=True))
    for line in figures.lines(found):
        typer.echo(line)


def _end(_number: int, _frame: object) -> None:
    """As by Ctrl-C: servers and services that were started here end too."""
    raise KeyboardInterrupt
