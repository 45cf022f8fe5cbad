"""Events accepted on a real database, as one request brings them."""

from datetime import timedelta
from typing import Any

from contact_schema.adapter_events import AdapterEvent
from contact_schema.interactions import InteractionAccepted
from contact_schema.records import Unit, record_id, space_key
from contact_schema.settings import AgentSettings, key_digest
from ingest.handlers import Streams, accept
from ingest.keys import Keys
from service_kit.replica import Replica
from service_kit.tx import Tx
from tests.ingest.arrivals import (
    AGENT,
    API_KEY,
    NOW,
    SECRET,
    SPACE,
    agent,
    arrival,
)

KEY = space_key(SECRET, SPACE)
MINUTE = timedelta(minutes=1)


def of(kind: Any, name: str, user: str | None = None, generation: int = 0) -> str:
    return record_id(KEY, Unit(kind, AGENT, name), user, generation)


async def send(tx: Tx, *sent: dict[str, Any], later: timedelta = timedelta()) -> list[str]:
    """Accept these in one request; the records of what was accepted by it."""
    before = len(tx.emitted)
    await accept(tx, [arrival(one) for one in sent], NOW + later)
    return [m.record for m in tx.emitted[before:] if isinstance(m, InteractionAccepted)]


def streams(**changes: Any) -> Streams:
    settings = Replica(AgentSettings)
    settings.put(AGENT, agent(**changes))
    return Streams(Keys(settings), SECRET, settings)


def adapter_event(sent: dict[str, Any], key: str = API_KEY, of_agent: str = AGENT) -> AdapterEvent:
    return AdapterEvent(space=SPACE, agent=of_agent, key_digest=key_digest(key), event=sent)
