"""What processes used, as the kernel counts it: CPU seconds and peak memory, by process id."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
_GONE: Final = (FileNotFoundError, ProcessLookupError)


def cpu_seconds(pid: int) -> float:
    """Of the process and of the children that it waited for."""
    return sum(_fields(pid)[11:15], 0) / TICKS


def cpu_seconds_of_family(pid: int) -> float:
    """With the children that live: a database server is one process a session."""
    total = cpu_seconds(pid)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(*_GONE):
                fields = _fields(int(entry.name))
                if fields[1] == pid:
                    total += (fields[11] + fields[12]) / TICKS
    return total


def peak_megabytes(pid: int) -> float:
    """The most memory that it held at any time (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def machine() -> dict[str, float]:
    """The shape of the machine, and how busy others kept it."""
    total = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    cores = len(os.sched_getaffinity(0))
    return {
        "cores": cores,
        "memory_gb": round(total / 1024**2, 1),
        "load": round(os.getloadavg()[0], 2),
    }


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds between two readings."""
    return {name: round(after[name] - before.get(name, 0.0), 2) for name in after}


def _fields(pid: int) -> list[int]:
    """From the state on; the name in brackets may hold spaces and brackets itself."""
    text = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *(int(field) for field in text[1:])]
