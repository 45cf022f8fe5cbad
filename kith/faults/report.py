"""The table of a run: printed, and kept in docs/faults.md."""

import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from kith.faults.rounds import Outcome

KEPT_FROM = "## What such rounds have found\n"
"""People write from here on; a new run leaves it."""
HEAD = (
    "fault",
    "rounds",
    "events",
    "lost",
    "doubled",
    "out of order",
    "wrong contacts",
    "heal median s",
    "worst s",
    "95 % bound",
)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """One row for each kind, then one for all."""
    kinds = sorted({outcome.kind for outcome in outcomes})
    grouped = [(kind, [o for o in outcomes if o.kind == kind]) for kind in kinds]
    return [_row(kind, mine) for kind, mine in [*grouped, ("**all**", list(outcomes))]]


def _row(kind: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    heals = [outcome.heal for outcome in outcomes if not outcome.trouble] or [0.0]
    findings = [outcome.findings for outcome in outcomes]
    return (
        kind,
        str(len(outcomes)),
        str(sum(outcome.events for outcome in outcomes)),
        str(sum(len(f.lost) for f in findings)),
        str(sum(len(f.doubled) for f in findings)),
        str(sum(len(f.out_of_order) for f in findings)),
        str(sum(len(f.wrong_contacts) + abs(f.unexplained) for f in findings)),
        f"{statistics.median(heals):.1f}",
        f"{max(heals):.1f}",
        bound(outcomes),
    )


def bound(outcomes: Sequence[Outcome]) -> str:
    """How often a round may still fail: with no failure in n, 3/n at 95 % confidence."""
    failed = sum(not outcome.clean for outcome in outcomes)
    if failed:
        return f"{failed} of {len(outcomes)} failed"
    return f"{min(100.0, 300 / len(outcomes)):.1f} %"


def troubles(outcomes: Sequence[Outcome]) -> list[str]:
    """What was not as it must be, a line each."""
    lines = []
    for o in outcomes:
        if o.clean:
            continue
        f = o.findings
        what = o.trouble or (
            f"lost {len(f.lost)}, doubled {len(f.doubled)}, out of order {len(f.out_of_order)},"
            f" phantoms {len(f.phantoms)}, contacts {len(f.wrong_contacts)},"
            f" unexplained {f.unexplained}"
        )
        lines.append(f"round {o.number}, {o.kind}: {what}")
    return lines


def write(file: Path, outcomes: Sequence[Outcome], *, command: str, unknown: int) -> None:
    """The page that tells what was done and what came of it, between fixed words."""
    lines = [
        *_INTRODUCTION,
        f"Command: `{command}` on {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, Apache Kafka and PostgreSQL as `make up` starts them,"
        " session time-out 6 s.",
        "",
        f"{len(outcomes)} rounds; {unknown} calls to the events' door had no answer, and each was"
        " made again until it had one.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---" + "|---:" * (len(HEAD) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in rows(outcomes)),
        "",
    ]
    found = troubles(outcomes)
    if found:
        lines += ["Not as it must be:", "", *(f"- {line}" for line in found), ""]
    before = file.read_text("utf-8") if file.exists() else ""
    kept = before.partition(KEPT_FROM)
    file.write_text("\n".join(lines) + ("\n" + kept[1] + kept[2] if kept[1] else ""), "utf-8")


_INTRODUCTION = (
    "# What happens when things break",
    "",
    "Written by `make faults ROUNDS=n SEED=s`. A stack of its own takes a steady stream of events"
    " in eight spaces;",
    "in each round something is broken in the middle of it, then left alone. A round is judged"
    " when nothing is under way",
    "any more: all services ready, nothing unsent in any outbox, nothing unread in any topic.",
    "",
    "- **lost**: answered with 202 and not in the person's timeline as the API shows it, or not in"
    " the database.",
    "- **doubled**: written more than once by the read side or the resolver, also where a unique"
    " key swallowed it:",
    "  a log without any key stands in front of both tables during the run.",
    "- **out of order**: applied in an earlier transaction than an event sent before it by the"
    " same person.",
    "- **wrong contacts**: not what the resolver's pure function says of all stored facts, in the"
    " resolver or in the API;",
    "  or accepted events that are in none of the four endings.",
    "- **heal**: from the end of the fault to a new person's event seen through the API, with all"
    " services ready.",
    "- **95 % bound**: with no failed round among n, the true share of failing rounds is below 3/n"
    " with 95 % confidence.",
    "  It says what this run can say, and no more.",
    "",
    "Events without an answer are sent again with the same ids until there is one; only then is"
    " the next event of these",
    "people sent. A question to the database that fails ends the run: it is never taken for an"
    " empty answer.",
    "",
    "Not made here: a full disk, clocks that jump, a broker whose data are wiped (a test of the kit"
    " does it to a topic),",
    "restores from a backup, added partitions, erasures under way.",
    "",
)
