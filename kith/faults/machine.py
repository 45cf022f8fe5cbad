"""Faults of the machine: a disk without room, a clock that jumps. Not every machine allows them."""

import asyncio
import glob
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kith.faults.scene import READERS, Scene, Skipped
from kith.faults.servers import Servers

_ROOM_BYTES = 64 * 1024 * 1024
"""What is free on the small disk before it is filled."""
_CLOCK_LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
_JUMPS = ("+1h", "-1h", "+5d", "-5d", "+3m", "-3m")


async def fill_disk(scene: Scene) -> None:
    """PostgreSQL's data on a small file system of its own; it fills up, then there is room again.

    Without room for its log the server ends: then it is started, as a supervisor would.
    """
    database = scene.stage.servers
    small = _small_disk(database)
    disk = await asyncio.to_thread(small.__enter__)
    try:
        await scene.wait(0.5, 1)
        await asyncio.to_thread(_fill, disk / "filler")
        await scene.wait(2, 4)
        (disk / "filler").unlink()
        if database.postgres.process.poll() is not None:
            await asyncio.to_thread(database.start_postgres)
        await scene.wait(0.5, 1)
    finally:
        await asyncio.to_thread(small.__exit__, None, None, None)


async def jump_clock(scene: Scene) -> None:
    """A copy whose clock jumps twice does all the work of a service that is frozen."""
    library = next(iter(glob.glob(_CLOCK_LIBRARIES)), None)
    if library is None:
        raise Skipped("libfaketime is not installed")
    service, stage = scene.dice.choice(READERS), scene.stage
    clock = stage.stack.layout.directory / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    copy = stage.copy_of(service, faked)
    await asyncio.to_thread(copy.__enter__)
    try:
        with stage.frozen(service):
            for _ in range(2):
                clock.write_text(scene.dice.choice(_JUMPS))
                await scene.wait(4, 5)
    finally:
        await asyncio.to_thread(copy.__exit__, None, None, None)


@contextmanager
def _small_disk(database: Servers) -> Iterator[Path]:
    data = database.postgres_data
    aside = data.with_name("data-aside")
    database.stop_postgres()
    data.rename(aside)
    data.mkdir(mode=0o700)
    try:
        with _mounted(data, _size_of(aside) + _ROOM_BYTES):
            _copy(aside, data)
            database.start_postgres()
            try:
                yield data
            finally:
                if database.postgres.process.poll() is None:
                    database.stop_postgres()
                (data / "filler").unlink(missing_ok=True)
                shutil.rmtree(aside)
                aside.mkdir(mode=0o700)
                _copy(data, aside)
    finally:
        data.rmdir()
        aside.rename(data)
        database.start_postgres()


@contextmanager
def _mounted(place: Path, size: int) -> Iterator[None]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise Skipped("this process may not mount a file system of its own")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Skipped(f"a file system of its own could not be mounted: {done.stderr.strip()[:100]}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


def _copy(source: Path, target: Path) -> None:
    """With owners and modes: the server insists on them."""
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True, capture_output=True)


def _size_of(folder: Path) -> int:
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))


def _fill(file: Path) -> None:
    """To the last block."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue
