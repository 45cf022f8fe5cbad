"""Processes by id: recorded in files, recognised by their start time, never looked for by name."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


def started_at(pid: int) -> int | None:
    """Start of a living process in clock ticks since boot. None for a dead one, zombies too."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in brackets may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


@dataclass(frozen=True)
class PidFile:
    """`NAME.pid` holds the id alone; `NAME.start` tells whether it is still the same process."""

    path: Path

    def write(self, pid: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.with_suffix(".start").write_text(f"{started_at(pid) or 0}\n")
        self.path.write_text(f"{pid}\n")

    def read(self) -> int | None:
        """The id, if that process is alive and is the one that was recorded."""
        try:
            pid = int(self.path.read_text())
            start = int(self.path.with_suffix(".start").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if start and started_at(pid) == start else None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".start").unlink(missing_ok=True)

    def stop(self, *, patience: float, ask: signal.Signals = signal.SIGTERM) -> bool:
        """Ask the process to end, insist after `patience` seconds. True if one was running."""
        pid = self.read()
        if pid is None:
            self.remove()
            return False
        _signal(pid, ask)
        if not self._gone_within(patience):
            _signal(pid, signal.SIGKILL)
            self._gone_within(5)
        self.remove()
        return True

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.read() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def stop_child(
    child: subprocess.Popen[bytes], *, patience: float, ask: signal.Signals = signal.SIGTERM
) -> None:
    """End a child of this process: ask, wait, insist."""
    if child.poll() is None:
        child.send_signal(ask)
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(5)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
