"""Breaking a stack on purpose and counting what is lost: `kith faults`."""

import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kith.commands.target import out
from kith.stack.layout import ROOT


def faults(
    rounds: Annotated[int, typer.Option(min=1, help="How many faults, one after another.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed makes the same faults.")] = 1,
    rate: Annotated[float, typer.Option(min=1, help="Events a second in the stream.")] = 60,
    minutes: Annotated[float, typer.Option(help="Begin no round after so long.")] = 600,
    first: Annotated[int, typer.Option("--from", min=1, help="Begin with this round.")] = 1,
    only: Annotated[str, typer.Option(help="Kinds with this in their name.")] = "",
    page: Annotated[Path, typer.Option(help="Where the table is written.")] = ROOT
    / "docs"
    / "faults.md",
    keep: Annotated[bool, typer.Option("--keep", help="Keep data and logs.")] = False,
) -> None:
    """Break a stack of its own in seeded rounds, and compare what was accepted with what is there.

    Exit 1 if anything was lost, doubled, out of order or could not be judged.
    """
    from kith.faults import report
    from kith.faults.ledger import Ledger
    from kith.faults.rounds import Outcome, Run, schedule
    from kith.faults.stage import open_stage

    # However it is ended, the processes it started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command = f"make faults ROUNDS={rounds} SEED={seed}" + (f" ARGS='--only {only}'" * bool(only))

    def told(outcome: Outcome) -> None:
        report.write(page, run.outcomes, command=command, unknown=run.ledger.unknown)
        state = "clean" if outcome.clean else report.troubles([outcome])[0]
        out.print(
            f"{outcome.number:4} {outcome.kind:52} {outcome.events:6} events"
            f" {outcome.heal:6.1f} s  {state}",
            markup=False,
        )

    directory = Path(tempfile.mkdtemp(prefix="kith-faults-"))
    out.print(f"seed {seed}, {rounds} rounds, data in {directory}")
    kinds = schedule(rounds, seed, only)[first - 1 :]
    with open_stage(directory, spaces=8) as stage:
        run = Run(stage, Ledger(directory / "ledger.jsonl"), seed, rate)
        outcomes = asyncio.run(run.play(kinds, told, minutes * 60, first))
    for row in (report.HEAD, *report.rows(outcomes)):
        out.print("  ".join(f"{cell:>12}" for cell in (*row[1:], row[0])), markup=False)
    if not all(outcome.clean for outcome in outcomes):
        out.print("\n".join(report.troubles(outcomes)), markup=False)
        raise typer.Exit(1)
    if not keep:
        shutil.rmtree(directory)
