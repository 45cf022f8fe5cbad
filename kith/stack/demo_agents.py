"""The two agents of a demo stack: a shop, and another one in a space of its own.

They are made through the services' internal doors, as an installer makes the first workspace; the
keys are ours, so a second start finds them as they were.
"""

import time
from typing import Any

import httpx

from kith.stack.configuration import DEMO_ORIGIN, SECOND_WORKSPACE, WORKSPACE, Keys

PATIENCE_SECONDS = 30.0


def provision(keys: Keys, api_url: str, identity_url: str) -> dict[str, str]:
    """Make both agents, or find them made. The entries of stack.env that name them."""
    authorized = {"Authorization": f"Bearer {keys.service_token}"}
    with (
        httpx.Client(base_url=api_url, headers=authorized, timeout=20) as api,
        httpx.Client(base_url=identity_url, headers=authorized, timeout=20) as identity,
    ):
        workspace, agent = _workspace(api, WORKSPACE, _demo_body(keys))
        _, second = _workspace(api, SECOND_WORKSPACE, _second_body(keys))
        _identity_secret(identity, agent, keys.identity)
        _identity_secret(identity, second, keys.second_identity)
    return {
        "KITH_DEMO_WORKSPACE_ID": workspace,
        "KITH_DEMO_AGENT_ID": agent,
        "KITH_DEMO_ORIGIN": DEMO_ORIGIN,
        "KITH_SECOND_AGENT_ID": second,
    }


def await_keys(keys: Keys, ingest_url: str) -> None:
    """Wait until the events' door knows the keys: they reach it by a topic. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for key in (keys.api, keys.limited_api, keys.second_api):
        headers = {"Authorization": f"Bearer {key}"}
        while not _is_known(ingest_url, headers):
            if time.monotonic() > deadline:
                raise TimeoutError("the agents' settings did not reach the door of the events")
            time.sleep(0.05)


def _is_known(ingest_url: str, headers: dict[str, str]) -> bool:
    nothing = httpx.post(f"{ingest_url}/v1/events", json=[], headers=headers, timeout=10)
    return nothing.status_code != httpx.codes.UNAUTHORIZED


def _demo_body(keys: Keys) -> dict[str, Any]:
    slow = {"events_per_key": 10, "api_per_key": 10, "api_burst": 10}
    agent_keys: list[dict[str, Any]] = [
        {"kind": "api", "key": keys.api, "scopes": "all"},
        {"kind": "api", "key": keys.limited_api, "scopes": "all", "limits": slow},
        _widget_key(keys.widget),
    ]
    people = {
        "login": keys.dashboard_user,
        "password": keys.dashboard_password,
        "role": "admin",
    }
    return {"agents": [_agent("Shop assistant", agent_keys)], "users": [people]}


def _second_body(keys: Keys) -> dict[str, Any]:
    agent_keys: list[dict[str, Any]] = [
        {"kind": "api", "key": keys.second_api, "scopes": "all"},
        _widget_key(keys.second_widget),
    ]
    return {"agents": [_agent("Another assistant", agent_keys)]}


def _agent(name: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
    # No grace: what is erased on a demo stack is gone while one looks on.
    return {"name": name, "region": "DE", "grace_days": 0, "keys": keys}


def _widget_key(key: str) -> dict[str, Any]:
    return {"kind": "widget", "key": key, "origins": [DEMO_ORIGIN], "native": True}


def _workspace(api: httpx.Client, name: str, body: dict[str, Any]) -> tuple[str, str]:
    """Ids of the workspace and of its one agent."""
    answer = api.put(f"/internal/v1/workspaces/{name}", json=body).raise_for_status().json()
    return answer["workspace"], answer["agents"][0]["id"]


def _identity_secret(identity: httpx.Client, agent: str, secret: str) -> None:
    body = {"agent": agent, "secret": secret, "label": "demo"}
    identity.post("/internal/v1/secrets", json=body).raise_for_status()
