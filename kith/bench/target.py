"""The stack that is measured: servers and services of its own, in a directory that goes away."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from contact_schema.records import space_key
from kith.bench import meters
from kith.bench.visits import Agent
from kith.stack import SERVICES, Stack, configuration, kafka, parts, ports, postgres
from kith.stack.processes import stop_child
from service_kit.migrate import service_dsn

PATIENCE: Final = 60.0


@dataclass
class Servers:
    """A broker and a database, used by the yardsticks and then by the stack."""

    kafka: kafka.Kafka
    postgres: postgres.Postgres

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KITH_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "KITH_POSTGRES_DSN": self.postgres.dsn,
        }

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far."""
        return {
            "kafka": meters.cpu_seconds(self.kafka.pid),
            "postgres": meters.cpu_seconds_of_family(self.postgres.pid),
        }


@contextlib.contextmanager
def servers(directory: Path) -> Iterator[Servers]:
    database = postgres.start(directory / "servers" / "postgres")
    try:
        broker = kafka.start(directory / "servers" / "kafka")
        try:
            yield Servers(broker, database)
        finally:
            broker.stop()
    finally:
        database.stop()


@contextlib.contextmanager
def stack(directory: Path, servers: Servers) -> Iterator[Stack]:
    """Six services on these servers, whose addresses a stack takes from the environment."""
    before = {name: os.environ.get(name) for name in servers.environment}
    os.environ.update(servers.environment)
    try:
        with Stack(directory / "stack") as started:
            yield started
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@dataclass
class Target:
    """Where events go, and which processes do the work."""

    stack: Stack
    servers: Servers
    agents: list[Agent]
    doors: list[str]
    seconds: dict[str, int] = field(default_factory=dict)
    """Process ids of second copies of services."""

    def pids(self) -> dict[str, int]:
        found = {name: self.stack.pid(name) for name in SERVICES}
        alive = {name: pid for name, pid in found.items() if pid is not None}
        return {**alive, **{f"{name} (second)": pid for name, pid in self.seconds.items()}}

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of each service, the broker, the database and the load."""
        used = {name: meters.cpu_seconds(pid) for name, pid in self.pids().items()}
        return {**used, **self.servers.cpu(), "load": time.process_time()}

    def memory(self) -> dict[str, float]:
        """Peak megabytes of each service."""
        return {name: meters.peak_megabytes(pid) for name, pid in self.pids().items()}

    @contextlib.contextmanager
    def second(self, service: str) -> Iterator[None]:
        """Another process of a service beside the first."""
        saved, port = configuration.saved(self.stack.layout), ports.pick(None)
        here = configuration.Configuration(saved.keys, {**saved.ports, service: port})
        shared = parts.shared_environment(saved, self.servers.kafka.bootstrap)
        dsn = service_dsn(self.servers.postgres.dsn, service, saved.keys.secret)
        environment = parts.service_environment(shared, here, service, dsn)
        log = self.stack.layout.log(f"{service}-second")
        process = parts.launch(f"{service}.app", environment, log)
        doors = self.doors
        try:
            _await_ready(process, f"http://127.0.0.1:{port}")
            self.seconds[service] = process.pid
            if service == "ingest":
                self.doors = [*doors, f"http://127.0.0.1:{port}"]
            yield
        finally:
            self.doors = doors
            self.seconds.pop(service, None)
            stop_child(process, patience=35)


def _await_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz", timeout=3).is_success:
                return
        time.sleep(0.2)
    raise RuntimeError("the second process did not get ready")


def target(stack: Stack, servers: Servers, spaces: int) -> Target:
    """Make an agent in each of that many spaces, and wait until the door knows their keys."""
    env, keys = stack.env, [configuration.api_key() for _ in range(spaces)]
    agents = [
        {
            "name": f"Bench {number}",
            "region": "DE",
            "keys": [{"kind": "api", "key": key, "scopes": "all"}],
        }
        for number, key in enumerate(keys)
    ]
    answer = httpx.put(
        f"{env['KITH_API_URL']}/internal/v1/workspaces/bench",
        json={"agents": agents},
        headers={"Authorization": f"Bearer {env['KITH_SERVICE_TOKEN']}"},
        timeout=PATIENCE,
    ).raise_for_status()
    secret = configuration.saved(stack.layout).keys.secret
    made = [
        Agent(one["id"], one["space"], space_key(secret, one["space"]), key)
        for one, key in zip(answer.json()["agents"], keys, strict=True)
    ]
    _await_keys(env, keys)
    return Target(stack, servers, made, [env["KITH_INGEST_URL"]])


def _await_keys(env: Mapping[str, str], keys: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    for key in keys:
        authorized = {"Authorization": f"Bearer {key}"}
        while (
            httpx.post(f"{env['KITH_INGEST_URL']}/v1/events", json=[], headers=authorized)
        ).status_code == httpx.codes.UNAUTHORIZED:
            if time.monotonic() > deadline:
                raise TimeoutError("the agents' settings did not reach the door of the events")
            time.sleep(0.05)
