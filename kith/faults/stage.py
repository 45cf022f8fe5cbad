"""What a fault run plays on: servers behind proxies, a stack, agents each in its own space."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from contact_schema.records import space_key
from kith.faults.calls import PLAIN
from kith.faults.load import Agent
from kith.faults.proxy import FaultProxy
from kith.faults.servers import Servers
from kith.stack import Stack, configuration, parts, ports
from kith.stack.configuration import SERVICES, Configuration
from kith.stack.processes import stop_child
from kith.stack.provisioning import TOPICS_FILE
from service_kit import migrate
from service_kit.health import STOPPED, STUCK

SESSION_TIMEOUT_MS = 6_000
"""The least a broker allows: who is killed loses its partitions this soon."""
_PATIENCE_SECONDS = 60.0
_ENDED = re.compile(rf"(\w+) ended with ({STOPPED}|{STUCK})\b")


@dataclass
class Stage:
    servers: Servers
    stack: Stack
    configuration: Configuration
    agents: list[Agent]
    topics_file: Path
    """A copy of its own: it may grow."""
    to_ingest: FaultProxy
    """Between the stream's senders and the events' door."""
    _workspaces: int = 0

    @property
    def urls(self) -> dict[str, str]:
        return {service: self.configuration.url(service) for service in SERVICES}

    def new_agents(self) -> None:
        """As many as before, in new spaces: what is compared each time stays small."""
        self._workspaces += 1
        name = f"faults-{self._workspaces}"
        self.agents = _make_agents(self.configuration, len(self.agents), name)

    def ended_by_themselves(self) -> list[str]:
        """`service with code`: each process so far that stopped for something unforeseen, or for
        standing still, and was started again.
        """
        log = self.stack.layout.log("supervisor").read_text("utf-8")
        return [f"{name} with {code}" for name, code in _ENDED.findall(log)]

    def role(self, service: str) -> str:
        return migrate.role_of(service)

    def signal(self, service: str, number: signal.Signals) -> int:
        """To the service's process as soon as there is one; its id."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (pid := self.stack.pid(service)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{service} does not run")
            time.sleep(0.05)
        os.kill(pid, number)
        return pid

    def await_successor(self, service: str, before: int) -> None:
        """Until the supervisor has started another process."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.stack.pid(service) in (None, before):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{service} was not started again")
            time.sleep(0.05)

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        self.signal(service, signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(service, signal.SIGCONT)

    @contextmanager
    def copy_of(
        self, service: str, more: Mapping[str, str] | None = None, port: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A second process of a service, ready; ended in order. `more` is of its environment."""
        port = port or ports.pick(None)
        shared = parts.shared_environment(self.configuration, self.servers.bootstrap)
        secret = self.configuration.keys.secret
        dsn = migrate.service_dsn(self.servers.dsn, service, secret)
        environment = parts.service_environment(shared, self.configuration, service, dsn)
        environment |= {"KITH_HTTP_PORT": str(port), **(more or {})}
        log = self.stack.layout.log(f"{service}-copy")
        process = parts.launch(f"{service}.app", environment, log)
        try:
            _await_ready(f"http://127.0.0.1:{port}/readyz", process)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            stop_child(process, patience=35)


@contextmanager
def open_stage(directory: Path, spaces: int) -> Iterator[Stage]:
    """Everything is started and stopped here; data and logs stay in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    servers = Servers(directory)
    try:
        with _addresses(servers):
            topics_file = directory / "topics.yaml"
            shutil.copy(TOPICS_FILE, topics_file)
            stack = Stack(
                directory / "stack",
                settings={
                    "KITH_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
                    "KITH_TOPICS_FILE": str(topics_file),
                },
            )
            with stack:
                made = configuration.saved(stack.layout)
                agents = _make_agents(made, spaces, "faults")
                to_ingest = FaultProxy(_port(made.url("ingest")))
                try:
                    yield Stage(servers, stack, made, agents, topics_file, to_ingest)
                finally:
                    to_ingest.stop()
    finally:
        servers.stop()


@contextmanager
def _addresses(servers: Servers) -> Iterator[None]:
    """A stack takes servers that are not its own from the environment."""
    given = {"KITH_KAFKA_BOOTSTRAP": servers.bootstrap, "KITH_POSTGRES_DSN": servers.dsn}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _make_agents(made: Configuration, spaces: int, workspace: str) -> list[Agent]:
    keys = [configuration.api_key() for _ in range(spaces)]
    body = {
        "agents": [
            {
                "name": f"Agent {number}",
                "region": "DE",
                "grace_days": 0,
                "keys": [{"kind": "api", "key": key, "scopes": "all"}],
            }
            for number, key in enumerate(keys)
        ]
    }
    headers = {"Authorization": f"Bearer {made.keys.service_token}"}
    url = f"{made.url('contacts_api')}/internal/v1/workspaces/{workspace}"
    answer = (
        httpx.put(url, json=body, headers=headers, timeout=30, verify=PLAIN)
        .raise_for_status()
        .json()
    )
    by_name = {one["name"]: one for one in answer["agents"]}
    agents = [_agent(by_name[f"Agent {n}"], key, made.keys.secret) for n, key in enumerate(keys)]
    for agent in agents:
        _await_key(made.url("ingest"), agent)
    return agents


def _agent(told: dict[str, str], key: str, secret: str) -> Agent:
    return Agent(told["id"], told["space"], key, space_key(secret, told["space"]))


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _await_key(ingest: str, agent: Agent) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    headers = {"Authorization": f"Bearer {agent.key}"}
    while True:
        answer = httpx.post(
            f"{ingest}/v1/events", json=[], headers=headers, timeout=10, verify=PLAIN
        )
        if answer.status_code != 401:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the agents' keys did not reach the door")
        time.sleep(0.05)


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=3, verify=PLAIN).is_success:
                return
        time.sleep(0.1)
    raise TimeoutError("the second copy did not get ready")
