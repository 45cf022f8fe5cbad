"""A whole Kith on this machine: broker, database and six services, under one supervisor."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from kith.stack import configuration as configurations
from kith.stack import demo_agents, envfile, parts, postgres
from kith.stack.configuration import SERVICES, STANDINS, Configuration
from kith.stack.layout import LOCAL, ROOT, Layout
from kith.stack.processes import stop_child

__all__ = ["LOCAL", "SERVICES", "Stack", "StackDidNotStart"]

START_PATIENCE_SECONDS = 300.0  # the first start fetches the broker's jars
READY_PATIENCE_SECONDS = 180.0
STOP_PATIENCE_SECONDS = 120.0


class StackDidNotStart(RuntimeError):
    """The stack did not come up; the message names the part and its log."""


class Stack:
    """A stack that keeps everything below `directory`; several may run side by side.

    `fixed_ports` asks for the well-known ports of the doors where they are free. Broker and
    database are those of KITH_KAFKA_BOOTSTRAP and KITH_POSTGRES_DSN where set, else own processes.
    `settings` are further entries of every service's environment.
    """

    def __init__(
        self,
        directory: Path = LOCAL,
        *,
        fixed_ports: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.layout = Layout(directory.resolve())
        self.fixed_ports = fixed_ports
        self.settings = settings
        self._supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    @property
    def env(self) -> dict[str, str]:
        """The entries of stack.env; empty while the stack is down."""
        return envfile.read(self.layout.env_file)

    def pid(self, name: str) -> int | None:
        """Process id of a living part: `kafka`, `postgres`, a service's name, or `supervisor`."""
        return self.layout.pid(name).read()

    def start(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Bring the stack up, with its demo agents; one that is up is left alone.

        Raises StackDidNotStart.
        """
        if self.pid("supervisor") is not None and self.env:
            self._wait_until_ready(configurations.saved(self.layout), progress)
            return
        self.stop()  # of a start that was cut off, or of a supervisor that was killed
        configuration = configurations.load(
            self.layout, fixed_ports=self.fixed_ports, settings=self.settings
        )
        self._keep_last_logs()
        try:
            addresses = self._supervise(configuration, progress)
            self._wait_until_ready(configuration, progress)
            progress("demo agents")
            identity = configuration.url("identity_verify")
            agents = demo_agents.provision(configuration.keys, addresses.api, identity)
            demo_agents.await_keys(configuration.keys, addresses.ingest)
        except (httpx.HTTPError, TimeoutError) as error:
            self.stop()
            raise StackDidNotStart(f"The demo agents could not be made: {error}") from error
        except BaseException:
            self.stop()
            raise
        entries = envfile.entries(addresses, configuration.keys, agents)
        envfile.write(self.layout.env_file, entries)

    def stop(self) -> bool:
        """End the services, then the servers. True if anything was running."""
        was_running = self.pid("supervisor") is not None
        self._end_own_supervisor()
        self.layout.pid("supervisor").stop(patience=STOP_PATIENCE_SECONDS)
        was_running = self._stop_leftovers() or was_running
        self.layout.env_file.unlink(missing_ok=True)
        self.layout.state_file.unlink(missing_ok=True)
        return was_running

    def status(self) -> dict[str, int | None]:
        """Process id of each part, None for one that is not running."""
        names = [*self._servers(), *STANDINS, *SERVICES]
        return {name: self.pid(name) for name in names}

    def _servers(self) -> list[str]:
        if not self.layout.configuration_file.exists():
            return []
        outside = configurations.saved(self.layout).outside
        return [name for name in ("kafka", "postgres") if name not in outside]

    def _stop_leftovers(self) -> bool:
        """Parts whose supervisor was killed: end them before others take their place."""
        found = False
        for name in (*SERVICES, *STANDINS, "kafka"):
            found = self.layout.pid(name).stop(patience=35) or found
        return self.layout.pid("postgres").stop(patience=30, ask=postgres.STOP) or found

    def _end_own_supervisor(self) -> None:
        """One that this object started is its child, known even without its pid file."""
        if self._supervisor is not None:
            stop_child(self._supervisor, patience=STOP_PATIENCE_SECONDS)
            self._supervisor = None

    def _keep_last_logs(self) -> None:
        for log in (self.layout.directory / "logs").glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def _supervise(
        self, configuration: Configuration, progress: Callable[[str], None]
    ) -> envfile.Addresses:
        self.layout.state_file.unlink(missing_ok=True)
        with self.layout.log("supervisor").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "kith.stack.supervisor", str(self.layout.directory)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": parts.python_path()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C in the terminal is not meant for it
            )
        self._supervisor = process
        self.layout.pid("supervisor").write(process.pid)
        deadline, told = time.monotonic() + START_PATIENCE_SECONDS, ""
        while time.monotonic() < deadline and process.poll() is None:
            state = self._state()
            if state.get("phase", told) != told:
                told = state["phase"]
                progress(told)
            if told == "running":
                return _addresses(configuration, state)
            time.sleep(0.1)
        reason = self._state().get("error", "it took too long")
        raise StackDidNotStart(f"{reason}\n{self._last_lines('supervisor')}")

    def _state(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.layout.state_file.read_text()))
        except FileNotFoundError:
            return {}

    def _wait_until_ready(
        self, configuration: Configuration, progress: Callable[[str], None]
    ) -> None:
        deadline = time.monotonic() + READY_PATIENCE_SECONDS
        for service in SERVICES:
            progress(service)
            answer = "no answer"
            while answer != "ready":
                if time.monotonic() > deadline:
                    raise StackDidNotStart(
                        f"{service} is not ready: {answer}\n{self._last_lines(service)}"
                    )
                answer = _readiness(configuration.url(service))

    def _last_lines(self, name: str, count: int = 15) -> str:
        log = self.layout.log(name)
        lines = log.read_text(errors="replace").splitlines()[-count:] if log.exists() else []
        return "\n".join([f"{log}:", *lines])


def _addresses(configuration: Configuration, state: dict[str, Any]) -> envfile.Addresses:
    return envfile.Addresses(
        api=configuration.url("contacts_api"),
        ingest=configuration.url("ingest"),
        crm=configuration.url("crm_sync"),
        kafka=state["bootstrap"],
        postgres=state["admin_dsn"],
        hubspot=configuration.url("hubspot"),
    )


def _readiness(url: str) -> str:
    try:
        answer = httpx.get(f"{url}/readyz", timeout=3)
    except httpx.HTTPError as error:
        time.sleep(0.1)
        return type(error).__name__
    if answer.is_success:
        return "ready"
    time.sleep(0.1)
    return answer.text[:500]
