"""A server's disk fills up, or breaks. Only who may mount file systems can make it so."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kith.faults.scene import Make, Scene, Skipped
from kith.faults.servers import Servers

_ROOM_BYTES = 64 * 1024 * 1024
"""What is free on the small disk before it is filled."""
_MOST_NOTED = 512
"""MB that may be written to a broken disk before it shows."""


@dataclass(frozen=True)
class Host:
    """One of the two servers: where its data live, and how it ends and starts."""

    data: Path
    stop: Callable[[], None]
    kill: Callable[[], None]
    start: Callable[[], None]
    ended: Callable[[], bool]


def postgres(servers: Servers) -> Host:
    return Host(
        servers.postgres_data,
        servers.stop_postgres,
        servers.kill_postgres,
        servers.start_postgres,
        lambda: servers.postgres.process.poll() is not None,
    )


def broker(servers: Servers) -> Host:
    return Host(
        servers.kafka_data,
        servers.end_kafka,
        servers.kill_kafka,
        servers.start_kafka,
        lambda: servers.kafka.process.poll() is not None,
    )


def fill_disk(host_of: Callable[[Servers], Host]) -> Make:
    """The server's data on a small file system of its own; it fills up, then there is room again.

    A server that ends for it is started, as a supervisor would.
    """

    async def make(scene: Scene) -> None:
        host = host_of(scene.stage.servers)
        small = _elsewhere(host, _small_disk)
        disk = await asyncio.to_thread(small.__enter__)
        try:
            await scene.wait(0.5, 1)
            await asyncio.to_thread(_fill, disk / "filler")
            await scene.wait(2, 4)
            (disk / "filler").unlink()
            if host.ended():
                await asyncio.to_thread(host.start)
            await scene.wait(0.5, 1)
        finally:
            (disk / "filler").unlink(missing_ok=True)
            await asyncio.to_thread(small.__exit__, None, None, None)

    return make


def break_disk(host_of: Callable[[Servers], Host]) -> Make:
    """The device below the server's file system takes no more blocks: fsync fails with an I/O
    error and the file system turns read-only. What it had not taken by then is gone when it is
    mounted again, with another device behind it.
    """

    async def make(scene: Scene) -> None:
        host = host_of(scene.stage.servers)
        breaking = _elsewhere(host, _breaking_disk)
        disk = await asyncio.to_thread(breaking.__enter__)
        filler = _device_of(disk) / "filler"
        try:
            await scene.wait(0.5, 1)
            await asyncio.to_thread(_fill, filler)
            await asyncio.to_thread(_notice, disk)
            await scene.wait(2, 4)
            await asyncio.to_thread(_kill, host)
            filler.unlink()
            await asyncio.to_thread(_mount_again, disk)
            await asyncio.to_thread(host.start)
            await scene.wait(0.5, 1)
        finally:
            filler.unlink(missing_ok=True)
            await asyncio.to_thread(breaking.__exit__, None, None, None)

    return make


@contextmanager
def _elsewhere(
    host: Host, disk: Callable[[Path, int], AbstractContextManager[None]]
) -> Iterator[Path]:
    """The server on another file system, which is mounted where its data were."""
    data = host.data
    aside = data.with_name("data-aside")
    host.stop()
    data.rename(aside)
    data.mkdir(mode=0o700)
    try:
        with disk(data, _size_of(aside) + _ROOM_BYTES):
            _copy(aside, data)
            host.start()
            try:
                yield data
            finally:
                if not host.ended():
                    host.stop()
                shutil.rmtree(aside)
                aside.mkdir(mode=0o700)
                _copy(data, aside)
    finally:
        data.rmdir()
        aside.rename(data)
        host.start()


@contextmanager
def _small_disk(place: Path, size: int) -> Iterator[None]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise Skipped("this process may not mount a file system of its own")
    _attempt("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    try:
        yield
    finally:
        _call("umount", place)


@contextmanager
def _breaking_disk(place: Path, size: int) -> Iterator[None]:
    """ext4 on a loop device whose file is larger than the memory disk that it lies on."""
    below = _device_of(place)
    below.mkdir()
    try:
        with _small_disk(below, size + _ROOM_BYTES):  # the file system's own journal
            (below / "device").touch()
            os.truncate(below / "device", size * 4 + (_MOST_NOTED << 20))
            _attempt("mkfs.ext4", "-q", "-F", below / "device")
            _attempt("mount", "-o", "loop", below / "device", place)
            try:
                (place / "lost+found").rmdir()
                yield
            finally:
                _call("umount", place)
    finally:
        below.rmdir()


def _device_of(place: Path) -> Path:
    return place.with_name("device")


def _notice(disk: Path) -> None:
    """The file system learns that its device is broken from whoever writes where nothing was."""
    try:
        with (disk / "note").open("wb", buffering=0) as note:
            for _ in range(_MOST_NOTED):
                note.write(os.urandom(1 << 20))
                os.fsync(note.fileno())
    except OSError:
        return
    raise AssertionError("the disk did not break")


def _kill(host: Host) -> None:
    """Whoever goes on after a failed fsync believes what is not there."""
    if not host.ended():
        host.kill()


def _mount_again(disk: Path) -> None:
    _call("umount", disk)
    _call("mount", "-o", "loop", _device_of(disk) / "device", disk)
    (disk / "note").unlink(missing_ok=True)


def _attempt(*command: str | Path) -> None:
    try:
        _call(*command)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise Skipped(f"{command[0]} is not possible here: {type(error).__name__}") from None


def _call(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def _copy(source: Path, target: Path) -> None:
    """With owners and modes: the server insists on them."""
    _call("cp", "-a", f"{source}/.", target)


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
