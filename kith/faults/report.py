"""The table of all rounds that were kept: printed, and written into docs/faults.md."""

import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

from kith.faults.record import Entry

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


def rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """One row for each kind, then one for all. What was skipped is in none."""
    made = [entry for entry in entries if not entry.skipped]
    kinds = sorted({entry.kind for entry in made})
    grouped = [(kind, [e for e in made if e.kind == kind]) for kind in kinds]
    return [_row(kind, mine) for kind, mine in [*grouped, ("**all**", made)]]


def _row(kind: str, entries: Sequence[Entry]) -> tuple[str, ...]:
    heals = [entry.heal for entry in entries if not entry.trouble] or [0.0]
    return (
        kind,
        str(len(entries)),
        str(sum(entry.events for entry in entries)),
        str(sum(entry.lost for entry in entries)),
        str(sum(entry.doubled for entry in entries)),
        str(sum(entry.out_of_order for entry in entries)),
        str(sum(entry.wrong for entry in entries)),
        f"{statistics.median(heals):.1f}",
        f"{max(heals):.1f}",
        bound(entries),
    )


def bound(entries: Sequence[Entry]) -> str:
    """How often a round may still fail: with no failure in n, 3/n at 95 % confidence."""
    failed = sum(not entry.clean for entry in entries)
    if failed:
        return f"{failed} of {len(entries)} failed"
    return f"{min(100.0, 300 / len(entries)):.1f} %" if entries else "no data"


def troubles(entries: Sequence[Entry]) -> list[str]:
    """What was not as it must be, a line each."""
    return [
        f"seed {e.seed}, round {e.number}, {e.kind}{f' ({e.parts})' if e.parts else ''}: "
        + (
            e.trouble
            or f"lost {e.lost}, doubled {e.doubled}, out of order {e.out_of_order}, wrong {e.wrong}"
            + (f" ({e.which})" if e.which else "")
        )
        for e in entries
        if not e.clean
    ]


def skips(entries: Sequence[Entry]) -> list[str]:
    """What was not made, a line for each kind and reason."""
    found = sorted({(e.kind, e.skipped) for e in entries if e.skipped})
    return [f"{kind}: skipped, {reason}" for kind, reason in found]


def ends(entries: Sequence[Entry]) -> list[str]:
    """Rounds in which a process did not go on by itself, though all healed."""
    return [f"seed {e.seed}, round {e.number}, {e.kind}: {e.ended}" for e in entries if e.ended]


def seeds(entries: Sequence[Entry]) -> str:
    """`seed 3: 52 rounds, up to number 74`, so that each can be made again."""
    numbers: dict[int, list[int]] = {}
    for entry in entries:
        numbers.setdefault(entry.seed, []).append(entry.number)
    return "; ".join(
        f"seed {seed}: {len(mine)} rounds, up to number {max(mine)}"
        for seed, mine in sorted(numbers.items())
    )


def write(file: Path, entries: Sequence[Entry]) -> None:
    """The page that tells what was done and what came of it, between fixed words."""
    made = [entry for entry in entries if not entry.skipped]
    lines = [
        *_INTRODUCTION,
        f"On {platform.system()} {platform.machine()}, Python {platform.python_version()}, Apache"
        " Kafka and PostgreSQL as `make up` starts them, session time-out 6 s.",
        f"{len(made)} rounds ({seeds(made)}); {sum(e.unanswered for e in made)} calls to the"
        " events' door had no answer, and each was made again until it had one.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---" + "|---:" * (len(HEAD) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in rows(entries)),
        "",
    ]
    told = (
        ("Not as it must be:", troubles(entries)),
        ("A process ended by itself and was started again:", ends(entries)),
        ("Not made:", skips(entries)),
    )
    for title, found in told:
        if found:
            lines += [title, "", *(f"- {line}" for line in found), ""]
    before = file.read_text("utf-8") if file.exists() else ""
    kept = before.partition(KEPT_FROM)
    file.write_text("\n".join(lines) + ("\n" + kept[1] + kept[2] if kept[1] else ""), "utf-8")


_INTRODUCTION = (
    "# What happens when things break",
    "",
    "Written by `make faults ROUNDS=n SEED=s`, from the lines that each round leaves in"
    " faults.jsonl: runs add up.",
    "`make faults ROUNDS=n SEED=s ARGS=\"--from n --only 'its kind'\"` makes round n again, also"
    " after kinds were added.",
    "A stack of its own takes a steady stream of events in eight spaces;",
    "in each round something is broken in the middle of it, then left alone. A round is judged"
    " when nothing is under way",
    "any more: all services ready, nothing unsent in any outbox, every reader at the last message"
    " of each writer.",
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
    "  or accepted events that are in none of the four endings, or what is left of an erased"
    " person.",
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
    "A restore is of the resolver's or the read side's schema, or of ingest's once all that it had"
    " accepted was sent: more is not",
    "promised to survive one. A clock jumps for a copy that does all the work of its service"
    " meanwhile. Of an erased person no table",
    "may hold a word (but copies in transit, which expire), and what comes of him later is counted"
    " as suppressed.",
    "",
)
