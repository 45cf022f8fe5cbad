"""Breaking a stack on purpose and counting what is lost: `kith faults`."""

import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kith.commands.target import out
from kith.stack.layout import ROOT

if TYPE_CHECKING:
    from kith.faults.rounds import Outcome
    from kith.faults.scene import Kind


def faults(
    rounds: Annotated[int, typer.Option(min=1, help="How many faults, one after another.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed makes the same faults.")] = 1,
    rate: Annotated[float, typer.Option(min=1, help="Events a second in the stream.")] = 60,
    minutes: Annotated[float, typer.Option(help="Begin no round after so long.")] = 600,
    first: Annotated[int, typer.Option("--from", min=1, help="Begin with this round.")] = 1,
    only: Annotated[str, typer.Option(help="Kinds with this in their name, or this|or that.")] = "",
    record: Annotated[
        Path, typer.Option(help="Where each round leaves a line; the table is beside it, as .md.")
    ] = ROOT / "docs" / "faults.jsonl",
    keep: Annotated[bool, typer.Option("--keep", help="Keep data and logs.")] = False,
) -> None:
    """Break a stack of its own in seeded rounds, and compare what was accepted with what is there.

    A round that is not clean keeps its data, and the next one begins on a new stack. Exit 1 if
    anything was lost, doubled, out of order or could not be judged.
    """
    from kith.faults import record as kept
    from kith.faults import report
    from kith.faults.rounds import Outcome, schedule

    # However it is ended, the processes it started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    mine: list[kept.Entry] = []

    def told(outcome: Outcome) -> None:
        entry = kept.entry_of(seed, outcome)
        mine.append(entry)
        kept.append(record, entry)
        report.write(record.with_suffix(".md"), kept.read(record))
        state = (report.troubles([entry]) or report.skips([entry]) or ["clean"])[0]
        state += f" (ended: {entry.ended})" if entry.ended else ""
        out.print(
            f"{time.strftime('%H:%M:%S')} {entry.number:4} {entry.kind:52} {entry.events:6} events"
            f" {entry.heal:6.1f} s  {state}",
            markup=False,
            soft_wrap=True,
        )

    end = time.monotonic() + minutes * 60
    kinds = schedule(rounds, seed, only)
    while first <= rounds and time.monotonic() < end:
        left = end - time.monotonic()
        made = _play(kinds[first - 1 :], seed, rate, first, left, told, keep=keep)
        first += max(1, made)
    for row in (report.HEAD, *report.rows(mine)):
        out.print("  ".join(f"{cell:>12}" for cell in (*row[1:], row[0])), markup=False)
    if not all(entry.clean for entry in mine):
        out.print("\n".join(report.troubles(mine)), markup=False)
        raise typer.Exit(1)


def _play(
    kinds: "Sequence[Kind]",
    seed: int,
    rate: float,
    first: int,
    seconds: float,
    told: "Callable[[Outcome], None]",
    *,
    keep: bool,
) -> int:
    """On one stack, until a round is not clean; how many were made."""
    from kith.faults.ledger import Ledger
    from kith.faults.rounds import Run
    from kith.faults.stage import open_stage

    directory = Path(tempfile.mkdtemp(prefix="kith-faults-"))
    out.print(f"seed {seed}, from round {first}, data in {directory}")
    with open_stage(directory, spaces=8) as stage:
        ledger = Ledger(directory / "ledger.jsonl")
        try:
            run = Run(stage, ledger, seed, rate)
            outcomes = asyncio.run(run.play(kinds, told, seconds, first))
        finally:
            ledger.close()
    if not keep and all(outcome.clean for outcome in outcomes):
        shutil.rmtree(directory)
    return len(outcomes)
