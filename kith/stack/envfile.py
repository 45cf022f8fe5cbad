"""stack.env: where every test, benchmark and outside client finds a running stack."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kith.stack.configuration import Keys


@dataclass(frozen=True)
class Addresses:
    """What the outside reads: URLs of the doors, host:port of the broker, the inspector's DSN."""

    api: str
    ingest: str
    crm: str
    kafka: str
    postgres: str
    hubspot: str = ""


def entries(addresses: Addresses, keys: Keys, agents: Mapping[str, str]) -> dict[str, str]:
    return {
        "KITH_API_URL": addresses.api,
        "KITH_INGEST_URL": addresses.ingest,
        "KITH_CRM_URL": addresses.crm,
        "KITH_DASHBOARD_URL": addresses.api,
        "KITH_KAFKA_BOOTSTRAP": addresses.kafka,
        "KITH_POSTGRES_DSN": addresses.postgres,
        "KITH_SERVICE_TOKEN": keys.service_token,
        "KITH_DEMO_API_KEY": keys.api,
        "KITH_DEMO_LIMITED_API_KEY": keys.limited_api,
        "KITH_DEMO_WIDGET_KEY": keys.widget,
        "KITH_DEMO_IDENTITY_SECRET": keys.identity,
        "KITH_DASHBOARD_USER": keys.dashboard_user,
        "KITH_DASHBOARD_PASSWORD": keys.dashboard_password,
        "KITH_SECOND_API_KEY": keys.second_api,
        "KITH_SECOND_WIDGET_KEY": keys.second_widget,
        **agents,
        # The CRM stand-in, for the demo and for tests.
        **({"KITH_HUBSPOT_URL": addresses.hubspot} if addresses.hubspot else {}),
    }


def write(file: Path, values: Mapping[str, str]) -> None:
    """A file that a shell can read; it holds keys, so only its owner may."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))


def read(file: Path) -> dict[str, str]:
    """The entries; empty when there is no such file."""
    if not file.exists():
        return {}
    pairs = (line.partition("=") for line in file.read_text().splitlines())
    return {name: "".join(shlex.split(value)) for name, _, value in pairs if name}
