"""What one event tells about one person: identifiers and field values, each with its proof.

The same shape travels from every door: a widget event, a verified identity, an API row, a CRM
record.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from contact_schema.envelope import PERSONAL, Personal, Value

Proof = Literal["typed", "asserted", "proven"]
"""How far a value is proven: typed by anybody, asserted by a connected system, proven by the person
or channel.
"""

IdentifierType = Literal[
    "user",
    "email",
    "phone",
    "session",
    "browser",
    "crm",
    "whatsapp",
    "sms",
    "slack",
    "messenger",
    "channel",
]
"""``user`` is the user id or external id; the channel names are addresses on a channel of that
name; ``channel`` any other channel's, its key prefixed by the channel's name.
"""

FieldClass = Literal["typed", "self", "system", "signed", "operator"]
"""Who says a field's value, weakest first: classes 1 to 5 of the fold."""

FIELD_CLASSES: tuple[FieldClass, ...] = ("typed", "self", "system", "signed", "operator")

Fields = Annotated[dict[str, Any], PERSONAL]
"""Field name to JSON value. Core names: ``name``, ``company``, ``plan``, ``audience``,
``stripe_accounts``; a custom attribute is ``attr.<key>``. ``None`` is an explicit clear.
"""


class ObservedIdentifier(Value):
    """One identifier as given, with the key by which it links; without a key it is shown and links
    nothing.
    """

    type: IdentifierType
    key: Personal | None
    given: Personal
    proof: Proof


class Observation(Value):
    """One fact about one record. ``at`` is the acceptance time ``t`` (UTC), fixed once at the
    door.
    """

    fact: str
    at: datetime
    occurred_at: datetime
    """When the source says that it happened, never later than ``at``: orders the timeline only."""
    identifiers: tuple[ObservedIdentifier, ...] = ()
    fields: Fields = Field(default_factory=dict)
    field_class: FieldClass = "typed"
    tags: tuple[Personal, ...] = ()
    """Contact tags that this row adds (API and import rows)."""
