import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kith.stack.processes import PidFile, started_at

Child = subprocess.Popen[bytes]
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


@pytest.fixture
def child() -> Iterator[Child]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_a_recorded_process_is_found_and_stopped(child: Child, tmp_path: Path) -> None:
    record = PidFile(tmp_path / "part.pid")
    record.write(child.pid)
    assert record.path.read_text() == f"{child.pid}\n"
    assert record.read() == child.pid

    assert record.stop(patience=5)
    assert child.wait(5) == -signal.SIGTERM
    assert record.read() is None
    assert not list(tmp_path.iterdir())


def test_a_stranger_that_got_the_same_id_is_left_alone(child: Child, tmp_path: Path) -> None:
    record = PidFile(tmp_path / "part.pid")
    record.write(child.pid)
    record.path.with_suffix(".start").write_text("1\n")
    assert record.read() is None
    assert not record.stop(patience=1)
    assert child.poll() is None


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        record = PidFile(tmp_path / "part.pid")
        record.write(process.pid)
        assert record.stop(patience=0.2)
        assert process.wait(5) == -signal.SIGKILL


def test_a_zombie_counts_as_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert started_at(process.pid) is None
    process.wait()


def test_nothing_recorded_is_nothing_to_stop(tmp_path: Path) -> None:
    assert not PidFile(tmp_path / "part.pid").stop(patience=1)
