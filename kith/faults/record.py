"""What came of each round, a line of JSON each: runs add up, the page is made of all of them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from kith.faults.rounds import Outcome


@dataclass(frozen=True)
class Entry:
    """Counts of one round; `seed` and `number` make it again. `heal` in seconds."""

    seed: int
    number: int
    kind: str
    events: int
    unanswered: int
    heal: float
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    wrong: int = 0
    which: str = ""
    """The first few of what was not as it must be: names that the run gave, or the stack."""
    trouble: str = ""
    """Why it could not be judged."""
    ended: str = ""
    """Processes that ended by themselves, and were started again.

    Not told before seed 32, round 16.
    """
    parts: str = ""
    """The faults that were made together, if there was more than one."""
    skipped: str = ""
    """Why this machine did not make it."""

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order or self.wrong or self.trouble)


def entry_of(seed: int, outcome: Outcome) -> Entry:
    found = outcome.findings
    names = {*found.lost, *found.doubled, *found.out_of_order, *found.wrong_contacts}
    names |= {*found.phantoms, *found.left_over}
    return Entry(
        seed=seed,
        number=outcome.number,
        kind=outcome.kind,
        events=outcome.events,
        unanswered=outcome.unanswered,
        heal=round(outcome.heal, 2),
        lost=len(found.lost),
        doubled=len(found.doubled),
        out_of_order=len(found.out_of_order),
        wrong=len(found.wrong_contacts)
        + len(found.phantoms)
        + len(found.left_over)
        + abs(found.unexplained),
        which=", ".join(sorted(names)[:5]),
        trouble=outcome.trouble,
        ended=", ".join(outcome.ended),
        parts=" + ".join(outcome.parts),
        skipped=outcome.skipped,
    )


def append(file: Path, entry: Entry) -> None:
    told = {name: value for name, value in asdict(entry).items() if value not in ("", 0)}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(told) + "\n")


def read(file: Path) -> list[Entry]:
    if not file.exists():
        return []
    blank = {"events": 0, "unanswered": 0, "heal": 0.0, "seed": 0}
    lines = file.read_text("utf-8").splitlines()
    return [Entry(**{**blank, **json.loads(line)}) for line in lines]
