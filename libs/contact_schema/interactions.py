"""Events of ``contacts.interactions.v1``, ``contacts.identify.v1`` and ``contacts.identity.v1``:
what was accepted at the doors, who somebody says he is, and whether that is proven.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from contact_schema.envelope import PERSONAL, Message, Personal, Value
from contact_schema.observations import Observation, Proof

InteractionType = Literal[
    "session_started",
    "page_viewed",
    "message",
    "identify",
    "lead_captured",
    "conversation_tagged",
    "conversation_closed",
    "logged_out",
]


RefusalCode = Literal[
    "bad-signature",
    "no-signature",
    "no-secret",
    "blocked",
    "revoked",
    "expired",
    "malformed",
    "unsupported",
    "rate-limited",
]
"""Why a claim is void."""


class Attachment(Value):
    url: Personal
    name: Personal | None = None
    content_type: str | None = None
    size: int | None = None


class InteractionDetail(Value):
    """What the timeline shows of an event; each type fills its own part."""

    message_id: Personal | None = None
    direction: Literal["inbound", "outbound"] | None = None
    author: Literal["visitor", "ai", "human"] | None = None
    text: Personal | None = None
    attachments: tuple[Attachment, ...] = ()
    page_url: Personal | None = None
    page_title: Personal | None = None
    referrer: Personal | None = None
    tags: tuple[Personal, ...] = ()
    """Conversation tags, which are not contact tags."""
    reason: Personal | None = None
    intent: Personal | None = None
    form: Personal | None = None
    skill: Personal | None = None
    lead: Annotated[dict[str, Any], PERSONAL] = Field(default_factory=dict)


class InteractionAccepted(Message):
    """A door accepted one event and fixed the record it belongs to.

    An ``identify`` event appears here too, without user id and metadata: those travel in
    `IdentityClaimed` only and count from `IdentityVerified` on.
    """

    TOPIC: ClassVar[str] = "contacts.interactions.v1"

    agent: str
    event_id: Personal
    """The sender's own id of the event, unique per agent; it may say anything."""
    record: str
    unit: str
    claim: str | None
    """The claim in force; whether it is proven is not known here."""
    type: InteractionType
    channel: str
    conversation: Personal | None
    session: Personal | None
    observation: Observation
    detail: InteractionDetail = InteractionDetail()


class IdentityClaimed(Message):
    """Somebody says in a session or conversation that he is a certain user."""

    TOPIC: ClassVar[str] = "contacts.identify.v1"

    agent: str
    claim: str
    event_id: Personal
    record: str
    unit: str
    user: Personal
    """The claimed user id, byte-exact."""
    user_hash: Annotated[str, PERSONAL] | None = None
    token: Annotated[str, PERSONAL] | None = None
    vouched: bool = False
    """True when an API key with ``contacts:write`` sent it without signature: asserted, not proven.
    """
    observation: Observation
    """What the metadata says: typed identifiers, fields of class ``self`` (``system`` when
    vouched).
    """


class IdentityVerified(Message):
    """The claim holds. Only now do its user id and metadata exist for anybody else."""

    TOPIC: ClassVar[str] = "contacts.identity.v1"

    agent: str
    claim: str
    record: str
    unit: str
    user: Personal
    proof: Proof
    """``proven`` by a signature, ``asserted`` when the customer's own server vouched."""
    method: Literal["hash", "token", "server"]
    signed_at: datetime | None = None
    """When it was signed at the earliest: the ``iat`` of a token, the beginning of a hash's secret.
    """
    observation: Observation
    """Holds the user id as an identifier of type ``user`` with this proof, and the metadata; of a
    token with signed values there is a second one, whose fields are of class ``signed``.
    """


class IdentityRefused(Message):
    """The claim is void: its user id and metadata are dropped, the visitor stays anonymous and is
    told nothing.
    """

    TOPIC: ClassVar[str] = "contacts.identity.v1"

    agent: str
    claim: str
    record: str
    unit: str
    code: RefusalCode
    at: datetime
