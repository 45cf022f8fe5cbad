"""``contacts.adapter-events.v1``: what adapters that speak Kafka send. The same events as over
HTTP.
"""

from typing import Annotated, Any, ClassVar

from contact_schema.envelope import PERSONAL, Message


class AdapterEvent(Message):
    """One event for one agent, exactly as the HTTP door takes it. Authorised by the adapter's API
    key, by digest.
    """

    TOPIC: ClassVar[str] = "contacts.adapter-events.v1"

    agent: str
    key_digest: Annotated[str, PERSONAL]
    """`contact_schema.settings.key_digest` of the API key; its scopes decide what the event may
    prove.
    """
    event: Annotated[dict[str, Any], PERSONAL]
