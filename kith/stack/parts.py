"""The parts of a stack: how each is started, and with which environment."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kith.stack.configuration import SERVICES, Configuration
from kith.stack.layout import ROOT

# How often the operations page looks and the probe runs: what tests set for their stacks.
TUNED = ("KITH_WATCH_SECONDS", "KITH_PROBE_SECONDS")


def python_path() -> str:
    return os.pathsep.join(str(path) for path in (ROOT / "libs", ROOT / "services", ROOT))


def shared_environment(configuration: Configuration, bootstrap: str) -> dict[str, str]:
    """Settings that every service gets. The database administrator's address is not among them."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("KITH_", "PG"))
    }
    tuned = {name: os.environ[name] for name in TUNED if name in os.environ}
    urls = {f"KITH_{service.upper()}_URL": configuration.url(service) for service in SERVICES}
    return {
        **kept,
        **urls,
        **tuned,
        "PYTHONPATH": python_path(),
        "PYTHONUNBUFFERED": "1",
        "KITH_KAFKA_BOOTSTRAP": bootstrap,
        "KITH_SECRET": configuration.keys.secret,
        "KITH_SERVICE_TOKEN": configuration.keys.service_token,
        "KITH_TOPICS_FILE": str(ROOT / "deploy" / "topics.yaml"),
        "KITH_HTTP_HOST": "127.0.0.1",
        "KITH_API_URL": configuration.url("contacts_api"),
        "KITH_CRM_URL": configuration.url("crm_sync"),
        "KITH_DASHBOARD_URL": configuration.url("contacts_api"),
        # A demo is played at once and by one address; elsewhere the agent's own limits hold.
        "KITH_LIMITS_MULTIPLIER": "50",
        "KITH_ALLOW_LOOPBACK_TARGETS": "1",
        **configuration.settings,
    }


def service_environment(
    shared: Mapping[str, str], configuration: Configuration, service: str, dsn: str
) -> dict[str, str]:
    return {
        **shared,
        "KITH_SERVICE_POSTGRES_DSN": dsn,
        "KITH_HTTP_PORT": str(configuration.ports[service]),
    }


def launch(
    module: str, environment: Mapping[str, str], log: Path, arguments: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
