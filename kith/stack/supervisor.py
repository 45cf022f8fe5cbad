"""Keeps a stack alive: starts the servers, prepares them, starts the services, restarts what dies.

Run as `python -m kith.stack.supervisor DIRECTORY` by `kith up` and by tests. It ends on SIGTERM,
services first, then the servers they need. What it is doing stands in run/state.json.
"""

import fcntl
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kith.stack import configuration as configurations
from kith.stack import kafka, parts, postgres, provisioning
from kith.stack.configuration import SERVICES, STANDINS, Configuration
from kith.stack.layout import Layout
from kith.stack.processes import stop_child

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0
# A part that lived this long has recovered: its next death is a first one.
RECOVERED_AFTER_SECONDS = 30.0
SERVICE_PATIENCE_SECONDS = 35.0  # a service takes up to 30 s to end in order

log = logging.getLogger("kith.supervisor")


@dataclass
class Part:
    """One process that should run. `start` returns it once it is up."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    ask: signal.Signals = signal.SIGTERM
    patience: float = SERVICE_PATIENCE_SECONDS
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    pause: float = 0.0

    def up(self, layout: Layout) -> None:
        self.process = self.start()
        self.started_at = time.monotonic()
        layout.pid(self.name).write(self.process.pid)

    def look(self, layout: Layout) -> None:
        """Restart after a death, a little later each time."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            if now - self.started_at > RECOVERED_AFTER_SECONDS:
                self.pause = 0.0
            self.pause = min(max(self.pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self.start_again_at = now + self.pause
            log.warning(
                "%s ended with %s, starts again in %.1f s",
                self.name,
                self.process.returncode,
                self.pause,
            )
            self.process = None
        if self.process is None and now >= self.start_again_at:
            try:
                self.up(layout)
            except Exception as error:  # whatever it is, the others must go on
                self.pause = min(max(self.pause * 2, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
                self.start_again_at = time.monotonic() + self.pause
                log.warning("%s did not start: %s", self.name, error)

    def down(self, layout: Layout) -> None:
        if self.process is not None:
            stop_child(self.process, patience=self.patience, ask=self.ask)
        layout.pid(self.name).remove()


@dataclass
class Supervisor:
    layout: Layout
    configuration: Configuration
    servers: list[Part] = field(default_factory=list)
    services: list[Part] = field(default_factory=list)
    stopping: bool = False
    copied: Path | None = None

    def run(self) -> int:
        try:
            self._start()
        except StoppedEarly:
            pass
        except Exception as error:
            log.exception("the stack did not start")
            self._stop()
            self._tell("failed", error=str(error))
            return 1
        else:
            self._watch()
        self._tell("stopping")
        self._stop()
        self._tell("stopped")
        return 0

    def _start(self) -> None:
        bootstrap, admin_dsn = self._start_servers()
        self._tell("preparing")
        dsns = provisioning.prepare(bootstrap, admin_dsn, self.configuration.keys.secret)
        self._tell("services")
        shared = parts.shared_environment(self.configuration, bootstrap)
        for name in STANDINS:
            # Not ours and not here: the demo and the tests connect a stand-in instead.
            kept = self.layout.data(name).with_suffix(".json")
            arguments = ("--port", str(self.configuration.ports[name]), "--keep", str(kept))
            start = self._launcher(f"kith.standins.{name}", shared, name, arguments)
            self._add(self.services, Part(name, start))
        for service in SERVICES:
            environment = parts.service_environment(
                shared, self.configuration, service, dsns[service]
            )
            self._add(
                self.services, Part(service, self._launcher(f"{service}.app", environment, service))
            )
        self._tell("running", bootstrap=bootstrap, admin_dsn=admin_dsn)

    def _start_servers(self) -> tuple[str, str]:
        ports, outside = self.configuration.ports, self.configuration.outside
        bootstrap, dsn = outside.get("kafka"), outside.get("postgres")
        if dsn is None:
            self._tell("postgres")
            server = postgres.start(
                self.layout.data("postgres"), ports["postgres"], self.layout.log("postgres")
            )
            dsn, self.copied = server.dsn, server.copied

            self._adopt(
                Part("postgres", self._postgres, ask=postgres.STOP, patience=30), server.process
            )
        if bootstrap is None:
            self._tell("kafka")
            broker = kafka.start(
                self.layout.data("kafka"), ports["kafka"], self.layout.log("kafka")
            )
            bootstrap = broker.bootstrap

            self._adopt(Part("kafka", self._kafka, patience=20), broker.process)
        return bootstrap, dsn

    def _postgres(self) -> subprocess.Popen[bytes]:
        port = self.configuration.ports["postgres"]
        return postgres.launch(
            self.layout.data("postgres"), port, self.layout.log("postgres")
        ).process

    def _kafka(self) -> subprocess.Popen[bytes]:
        port = self.configuration.ports["kafka"]
        return kafka.launch(self.layout.data("kafka"), port, self.layout.log("kafka")).process

    def _launcher(
        self, module: str, environment: dict[str, str], name: str, arguments: Sequence[str] = ()
    ) -> Callable[[], subprocess.Popen[bytes]]:
        return lambda: parts.launch(module, environment, self.layout.log(name), arguments)

    def _adopt(self, part: Part, process: subprocess.Popen[bytes]) -> None:
        part.process, part.started_at = process, time.monotonic()
        self.layout.pid(part.name).write(process.pid)
        self.servers.insert(0, part)

    def _add(self, group: list[Part], part: Part) -> None:
        part.up(self.layout)
        group.append(part)

    def _watch(self) -> None:
        while not self.stopping:
            for part in (*self.servers, *self.services):
                part.look(self.layout)
            time.sleep(0.2)

    def _stop(self) -> None:
        for part in self.services:  # all at once, so that the longest sets the time
            if part.process is not None and part.process.poll() is None:
                part.process.send_signal(part.ask)
        for part in (*self.services, *self.servers):
            part.down(self.layout)
        postgres.forget_copy(self.copied)

    def _tell(self, phase: str, **more: Any) -> None:
        if self.stopping and phase not in {"stopping", "stopped", "failed"}:
            raise StoppedEarly
        log.info("%s", phase)
        temporary = self.layout.state_file.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps({"phase": phase, **more}))
        temporary.replace(self.layout.state_file)


class StoppedEarly(Exception):
    """SIGTERM came while the stack was still starting."""


def main(directory: Path) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # it complains while a broker is coming up
    layout = Layout(directory)
    layout.make()
    with (layout.directory / "run" / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.error("another supervisor runs this stack")
            return 2
        supervisor = Supervisor(layout, configurations.saved(layout))

        def stop(_number: int, _frame: object) -> None:
            supervisor.stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        return supervisor.run()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
