"""A real Apache Kafka as a local process: one KRaft node from the published jars."""

import asyncio
import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from kith.stack import java, ports
from kith.stack.processes import stop_child

ROOT = Path(__file__).resolve().parents[2]
POM = ROOT / "deploy" / "local" / "pom.xml"
SETTINGS = ROOT / "deploy" / "local" / "kafka.properties"
LIBRARIES = ROOT / ".local" / "kafka-libs"


class KafkaDidNotStart(RuntimeError):
    """The local Kafka did not come up; its log says why."""


@dataclass
class Kafka:
    """A running broker. `bootstrap` is host:port on loopback."""

    bootstrap: str
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """Shut down in order; the log stays."""
        stop_child(self.process, patience=20)


def start(
    directory: Path,
    port: int | None = None,
    log: Path | None = None,
    advertised: str | None = None,
) -> Kafka:
    """Start a broker whose log lives in `directory`/data, made at first; return once it answers.

    Raises KafkaDidNotStart, or JavaIsMissing. The log is `directory`/kafka.log unless named.
    Clients are sent to `advertised` (host:port), which may be a proxy's.
    """
    log = log or directory / "kafka.log"
    broker = launch(directory, port, log, advertised)
    try:
        _wait_until_ready(broker, log)
    except BaseException:
        stop_child(broker.process, patience=10)
        raise
    return broker


def launch(directory: Path, port: int | None, log: Path, advertised: str | None = None) -> Kafka:
    """Like `start`, without waiting for it."""
    libraries()
    directory.mkdir(parents=True, exist_ok=True)
    properties, bootstrap = _write_settings(directory, port, advertised)
    if not (directory / "data" / "meta.properties").exists():
        _format(directory, properties, log)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_java(), "kafka.Kafka", str(properties)],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return Kafka(bootstrap=bootstrap, process=process)


def libraries() -> Path:
    """The folder with the jars, fetched once for all stacks and tests of this checkout."""
    stamp = LIBRARIES / ".pom-sha256"
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    with _alone(LIBRARIES.with_suffix(".lock")):
        if stamp.exists() and stamp.read_text() == wanted:
            java.ensure(maven=False)
            return LIBRARIES
        java.ensure(maven=True)
        shutil.rmtree(LIBRARIES, ignore_errors=True)
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={LIBRARIES}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise KafkaDidNotStart(
                f"Maven could not fetch Kafka's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        stamp.write_text(wanted)
    return LIBRARIES


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two test runs at once must not fetch into one folder."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _java() -> list[str]:
    options = [
        "-Xmx512m",
        "-Xms128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
    ]
    options += [
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
    ]
    return ["java", *options, "-cp", f"{LIBRARIES}/*"]


def _write_settings(directory: Path, port: int | None, advertised: str | None) -> tuple[Path, str]:
    controller = directory / "controller.port"
    remembered = int(controller.read_text()) if controller.exists() else None
    quorum = ports.pick(remembered)
    controller.write_text(str(quorum))
    bootstrap = f"127.0.0.1:{port or ports.pick(None)}"
    addresses = {
        "listeners": f"CLIENT://{bootstrap},CONTROLLER://127.0.0.1:{quorum}",
        "advertised.listeners": f"CLIENT://{advertised or bootstrap},CONTROLLER://127.0.0.1:{quorum}",
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{quorum}",
        "log.dirs": str(directory / "data"),
    }
    properties = directory / "server.properties"
    lines = [f"{name}={value}" for name, value in addresses.items()]
    properties.write_text(SETTINGS.read_text() + "\n" + "\n".join(lines) + "\n")
    return properties, bootstrap


def _format(directory: Path, properties: Path, log: Path) -> None:
    shutil.rmtree(directory / "data", ignore_errors=True)  # of an attempt that was cut off
    cluster = subprocess.run(
        [*_java(), "kafka.tools.StorageTool", "random-uuid"], capture_output=True, text=True
    )
    command = [
        *_java(),
        "kafka.tools.StorageTool",
        "format",
        "--standalone",
        "-t",
        cluster.stdout.strip(),
    ]
    with log.open("ab") as output:
        done = subprocess.run([*command, "-c", str(properties)], stdout=output, stderr=output)
    if cluster.returncode or done.returncode:
        raise KafkaDidNotStart(f"Kafka's storage could not be formatted, see {log}")


def _wait_until_ready(broker: Kafka, log: Path) -> None:
    deadline = time.monotonic() + 120
    # A thread of its own: the caller may already be inside an event loop.
    with ThreadPoolExecutor(1) as thread:
        while time.monotonic() < deadline and broker.process.poll() is None:
            if thread.submit(asyncio.run, _answers(broker.bootstrap)).result():
                return
            time.sleep(0.1)
    raise KafkaDidNotStart(f"Kafka did not get ready, see {log}")


async def _answers(bootstrap: str) -> bool:
    _, _, port = bootstrap.partition(":")
    if ports.is_free(int(port)):
        return False  # nobody listens yet; the client would log each attempt as an error
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        await client.start()
        return bool((await client.describe_cluster())["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        with contextlib.suppress(Exception):
            await client.close()
