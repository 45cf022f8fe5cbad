"""The read side's handlers, fed as the streams feed them, and what then stands in its tables."""

from typing import Any

from contact_schema.changes import (
    CrmStateChanged,
)
from contact_schema.envelope import Message
from contacts_api import erasing, handlers
from contacts_api.store import listing
from contacts_api.store.interactions import list_timeline
from contacts_api.store.statements import Stretch
from service_kit.testing import received
from service_kit.tx import Tx
from tests.contacts_api.messages import (
    NOON,
    SPACE,
)


async def take(tx: Tx, *messages: Message, **headers: Any) -> None:
    """Each stream's part of the messages, as one batch."""
    by_topic: dict[str, list[Any]] = {}
    for message in messages:
        by_topic.setdefault(message.TOPIC, []).append(received(message, **headers))
    for topic, batch in by_topic.items():
        await HANDLERS[topic](batch, tx)


HANDLERS: dict[str, Any] = {
    "contacts.changes.v1": handlers.on_changes,
    "contacts.interactions.v1": handlers.on_interactions,
    "contacts.identity.v1": handlers.on_identity,
    "contacts.crm.v1": handlers.on_crm,
    "contacts.erasure.v1": erasing.on_erasure,
}


async def texts(tx: Tx, contact: str) -> list[str]:
    rows = await list_timeline(tx, SPACE, contact, Stretch(50), (None, None, None))
    return [row["text"] for row in rows if row["text"] is not None]


async def listed(tx: Tx, **filters: Any) -> list[str]:
    given = listing.Filters(**filters)
    rows = await listing.list_contacts(tx, SPACE, ("last_seen_at", True), None, 50, given)
    return [row["contact"] for row in rows]


def crm_state(contact: str, state: Any, **fields: Any) -> CrmStateChanged:
    return CrmStateChanged(
        space=SPACE, contact=contact, connection="connection_1", kind="hubspot", state=state,
        at=NOON, **fields,
    )  # fmt: skip
