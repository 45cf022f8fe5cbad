"""What a stack is made of: ports, addresses and secrets.

Made once and kept in stack.json, readable by its owner only.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from kith.stack import ports
from kith.stack.layout import LOCAL, Layout

SERVICES = ("ingest", "identity_verify", "merge_resolver", "crm_sync", "gdpr_purge", "contacts_api")
STANDINS = ("hubspot",)
ADDRESSES = {"kafka": "KITH_KAFKA_BOOTSTRAP", "postgres": "KITH_POSTGRES_DSN"}
# People and scripts know these doors by their address; the others are found through stack.env.
PREFERRED_PORTS = {"contacts_api": 8080, "ingest": 8081, "crm_sync": 8082}
WORKSPACE, SECOND_WORKSPACE = "demo", "second"
DEMO_ORIGIN = "https://shop.example.com"


def api_key() -> str:
    return "ak_" + _letters(43)


def widget_key() -> str:
    return "wk_" + _letters(24)


def _letters(count: int) -> str:
    """Random letters and digits, so that a double click selects a key whole."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(count))


@dataclass(frozen=True)
class Keys:
    """Credentials of the deployment and of the two demo agents. Shown by nobody's repr."""

    secret: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))
    service_token: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))
    api: str = field(repr=False, default_factory=api_key)
    limited_api: str = field(repr=False, default_factory=api_key)
    widget: str = field(repr=False, default_factory=widget_key)
    identity: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))
    second_api: str = field(repr=False, default_factory=api_key)
    second_widget: str = field(repr=False, default_factory=widget_key)
    second_identity: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(32))
    dashboard_user: str = "demo"
    dashboard_password: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(12))


@dataclass(frozen=True)
class Configuration:
    """`outside` holds the addresses of servers that are not ours to start.

    `settings` are further entries of every service's environment.
    """

    keys: Keys
    ports: dict[str, int]
    outside: dict[str, str] = field(default_factory=dict, repr=False)
    settings: dict[str, str] = field(default_factory=dict)

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"


def load(
    layout: Layout,
    environment: Mapping[str, str] = os.environ,
    *,
    fixed_ports: bool,
    settings: Mapping[str, str] | None = None,
) -> Configuration:
    """The configuration for the next start: the same keys as ever, the same ports where free."""
    layout.make()
    before = _read(layout)
    remembered: dict[str, int] = before.get("ports", {})
    outside = given_from_outside(environment, layout)
    chosen: dict[str, int] = {}
    for name in (*ADDRESSES, *SERVICES, *STANDINS):
        if name not in outside:
            preferred = PREFERRED_PORTS.get(name) if fixed_ports else None
            chosen[name] = _pick(chosen, preferred, remembered.get(name))
    configuration = Configuration(
        Keys(**before.get("keys", {})), chosen, outside, dict(settings or {})
    )
    save(layout, configuration)
    return configuration


def saved(layout: Layout) -> Configuration:
    """The configuration of the stack as it was started last."""
    before = _read(layout)
    settings = before.get("settings", {})
    return Configuration(Keys(**before["keys"]), before["ports"], before["outside"], settings)


def given_from_outside(
    environment: Mapping[str, str] = os.environ, layout: Layout | None = None
) -> dict[str, str]:
    """Addresses of `kafka` and `postgres` that were given and are not those of our own stack.

    A shell that has read our stack.env names servers of ours: whoever starts from there means to
    start his own, not to use and to end those.
    """
    ours = {
        f"127.0.0.1:{_read(each).get('ports', {}).get(name)}"
        for each in (Layout(LOCAL), layout)
        if each is not None
        for name in ADDRESSES
    }
    given = {name: environment.get(variable, "") for name, variable in ADDRESSES.items()}
    return {
        name: address
        for name, address in given.items()
        if address and not any(mine in address for mine in ours)
    }


def _read(layout: Layout) -> dict[str, Any]:
    file = layout.configuration_file
    return dict(json.loads(file.read_text())) if file.exists() else {}


def save(layout: Layout, configuration: Configuration) -> None:
    """Keep it for the next start and for the supervisor."""
    file = layout.configuration_file
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(configuration), indent=1) + "\n")


def _pick(taken: Mapping[str, int], *wanted: int | None) -> int:
    while True:
        port = ports.pick(*(w for w in wanted if w not in taken.values()))
        if port not in taken.values():
            return port
