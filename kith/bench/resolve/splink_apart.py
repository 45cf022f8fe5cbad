"""Splink beside us: in an environment of its own, for no service and no test needs its packages."""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kith.bench.resolve.linkers import Groups
from merge_resolver.domain.facts import Observe

ROOT: Final = Path(__file__).resolve().parents[3]
LOCK: Final = ROOT / "requirements" / "bench.txt"
PROGRAM: Final = Path(__file__).with_name("splink_run.py")
COLUMNS: Final = ("user", "unit", "crm", "email", "whatsapp", "phone", "session", "browser")
_RENAMED: Final = {"user": "person"}
"""A word of SQL is no good name for a column."""


@dataclass(frozen=True)
class Linked:
    groups: Groups
    cpu: float
    """Seconds for linking alone: the folding of events into records is a gift."""
    versions: str


class Skipped(Exception):
    """Splink cannot be run here; says why."""


def link(facts: Iterable[Observe], environment: Path) -> Linked:
    """Raises Skipped."""
    python = _python(environment)
    with tempfile.TemporaryDirectory() as directory:
        records, groups = Path(directory, "records.csv"), Path(directory, "groups.csv")
        _write(facts, records)
        done = subprocess.run(
            [python, "-W", "ignore", PROGRAM, records, groups], capture_output=True, text=True
        )
        if done.returncode:
            raise Skipped((done.stderr.strip().splitlines() or ["it failed"])[-1])
        told = json.loads(done.stdout.strip().splitlines()[-1])
        with groups.open(newline="") as rows:
            found: Groups = {row["unique_id"]: row["cluster_id"] for row in csv.DictReader(rows)}
    versions = f"splink {told['splink']}, duckdb {told['duckdb']}"
    return Linked(found, told["cpu"], versions)


def _python(environment: Path) -> Path:
    """Of the environment, which is made when it is not there or the lock has changed."""
    python, stamp = environment / "bin" / "python", environment / "bench.txt"
    if stamp.is_file() and stamp.read_bytes() == LOCK.read_bytes():
        return python
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
    ]
    make: list[str | Path] = [sys.executable, "-m", "venv", environment]
    for command in (make, [*pip, "--require-hashes", "--requirement", LOCK]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise Skipped(lines[-1] if lines else "its packages cannot be installed")
    stamp.write_bytes(LOCK.read_bytes())
    return python


def _write(facts: Iterable[Observe], path: Path) -> None:
    """One line for each record: of each kind of identifier the first that it told."""
    rows: dict[str, dict[str, str]] = {}
    for fact in facts:
        row = rows.setdefault(fact.record, {"unit": fact.unit})
        for one in fact.told:
            if one.key is not None:
                row.setdefault(one.type, one.key)
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("unique_id", *(_RENAMED.get(one, one) for one in COLUMNS)))
        for record, row in rows.items():
            lines.writerow((record, *(row.get(one, "") for one in COLUMNS)))
