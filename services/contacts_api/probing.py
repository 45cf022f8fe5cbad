"""One synthetic contact a minute, from the events' door to this read side: is anything stopped?

It lives in a workspace and a space of its own and comes back every hour, so it adds a line to a
timeline and no contact after the first hour.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import structlog
from uuid_utils.compat import uuid4

from contacts_api.actions.bodies import AgentBody, KeyBody, WorkspaceBody
from contacts_api.actions.keys import find_caller
from contacts_api.actions.listing import list_contacts
from contacts_api.actions.workspaces import provision_workspace
from contacts_api.domain.list_query import ListQuery
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from service_kit import metrics
from service_kit.outcomes import is_transient
from service_kit.service import Runtime

_log = structlog.get_logger()
WORKSPACE: Final = "kith probe"
CONTACTS: Final = 60
PATIENCE_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.02


def probing(state: State) -> Callable[[Runtime], Awaitable[None]]:
    """The background task; ends at once where the probe is switched off."""

    async def probe(runtime: Runtime) -> None:
        every = state.settings.probe_seconds
        if every <= 0:
            return
        state.runtime = runtime
        principal = await prepare(state)
        while True:
            # First the pause: ingest learns the key by a topic.
            await asyncio.sleep(every)
            await probe_once(state, principal)

    return probe


async def prepare(state: State) -> Principal:
    """Its workspace, found again by its name, and whom its key stands for."""
    key = api_key(state)
    own = KeyBody(kind="api", key=key, scopes=("events:write", "contacts:read"))
    agent = AgentBody(name="Probe", keys=(own,))
    await provision_workspace(state, WORKSPACE, WorkspaceBody(agents=(agent,)))
    found = await find_caller(state, key)
    assert found is not None
    return found[0]


async def probe_once(state: State, principal: Principal) -> float | None:
    """Seconds from sending the event to the contact that shows it; None when it was lost."""
    number, mark = state.probe.sent % CONTACTS, f"Probe {uuid4().hex[:12]}"
    state.probe.sent += 1
    began = time.monotonic()
    metrics.count("probe.sent")
    metrics.count("probe.lost", 0)
    seconds = None
    if await _send(state, number, mark):
        seconds = await _see(state, principal, number, mark, began)
    if seconds is None:
        metrics.count("probe.lost")
        _log.warning("probe.lost", number=number)
    else:
        metrics.observe("probe.seconds", seconds)
    state.probe.keep(time.monotonic(), seconds)
    return seconds


async def _send(state: State, number: int, mark: str) -> bool:
    event = {
        "event_id": f"probe-{uuid4().hex}",
        "type": "lead_captured",
        "occurred_at": datetime.now(UTC).isoformat(),
        "channel": "widget",
        "conversation_id": f"probe-{number}",
        "lead": {"name": mark, "email": address(number)},
    }
    try:
        answer = await state.neighbours.post(
            f"{state.settings.ingest_url.rstrip('/')}/v1/events",
            json=[event],
            headers={"Authorization": f"Bearer {api_key(state)}"},
            timeout=PATIENCE_SECONDS,
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.ACCEPTED and answer.json()["accepted"] == 1


async def _see(
    state: State, principal: Principal, number: int, mark: str, began: float
) -> float | None:
    query = ListQuery(email=(address(number),), limit=1)
    while time.monotonic() - began < PATIENCE_SECONDS:
        try:
            found = await list_contacts(state, principal, query)
        except Exception as error:
            if not is_transient(error):
                raise
        else:
            if any(contact["name"] == mark for contact in found["data"]):
                return time.monotonic() - began
        await asyncio.sleep(LOOK_SECONDS)
    return None


def address(number: int) -> str:
    return f"probe-{number}@example.com"


def api_key(state: State) -> str:
    """The same in every copy of this service, and told to nobody."""
    secret = state.settings.secret.get_secret_value().encode()
    return "ak_" + hmac.digest(secret, b"contacts_api:probe key", hashlib.sha256).hex()
