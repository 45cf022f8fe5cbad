"""The events of the doors as they may be written, and what is wrong with those that are not.

One bad event is one `Rejection` that names the field and never its value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from contact_schema.envelope import PERSONAL, Value
from contact_schema.values import is_blocked

AHEAD: Final = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours."""
TEXT_BYTES: Final = 16_384
METADATA_KEYS: Final = 200


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event was not accepted. ``field`` is a JSON pointer into the event."""

    code: str
    detail: str
    field: str | None = None


def _time(value: Any) -> datetime:
    try:
        # Numbers would be guesses between seconds and milliseconds.
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("malformed", "Must be an ISO 8601 time with its offset from UTC.")


def _short_enough(value: str) -> str:
    if len(value.encode("utf-8", "surrogatepass")) > TEXT_BYTES:
        raise PydanticCustomError("too-long", "At most 16,384 bytes in UTF-8.")
    return value


def _web_address(value: str) -> str:
    # Attachments become links on the team's pages: a script in one would run there.
    if not value.lower().startswith(("https://", "http://")):
        raise PydanticCustomError("malformed", "Must be an http or https address.")
    return value


Time = Annotated[datetime, BeforeValidator(_time)]
Id = Annotated[str, PERSONAL, StringConstraints(min_length=1, max_length=128)]
Short = Annotated[str, PERSONAL, StringConstraints(max_length=256)]
Long = Annotated[str, PERSONAL, StringConstraints(max_length=4096)]
Text = Annotated[str, PERSONAL, AfterValidator(_short_enough)]
Tag = Annotated[str, PERSONAL, StringConstraints(min_length=1, max_length=100)]
Channel = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Attributes = Annotated[dict[Tag, Any], PERSONAL, Field(max_length=METADATA_KEYS)]


class Sender(Value):
    """Who wrote on a channel. Any other ``dmarc`` than "pass" proves nothing."""

    address: Annotated[str, PERSONAL, StringConstraints(min_length=1, max_length=1024)]
    name: Short | None = None
    dmarc: Short | None = None


class Page(Value):
    url: Long
    title: Long | None = None
    referrer: Long | None = None


class AttachmentSent(Value):
    url: Annotated[Long, AfterValidator(_web_address)]
    name: Short | None = None
    content_type: Short | None = None
    size: Annotated[int, Field(strict=True, ge=0, le=2**53)] | None = None


class Lead(Value):
    name: Short | None = None
    email: Annotated[str, PERSONAL, StringConstraints(max_length=1024)] | None = None
    phone: Short | None = None
    company: Short | None = None
    attributes: Attributes | None = None


class EventSent(Value):
    """What every event carries."""

    event_id: Id
    occurred_at: Time
    channel: Channel
    session_id: Id | None = None
    browser_id: Id | None = None
    conversation_id: Id | None = None
    sender: Sender | None = None


class SessionStarted(EventSent):
    type: Literal["session_started"]
    page: Page | None = None


class PageViewed(EventSent):
    type: Literal["page_viewed"]
    page: Page


class MessageSent(EventSent):
    type: Literal["message"]
    conversation_id: Id
    message_id: Id
    direction: Literal["inbound", "outbound"]
    text: Text
    author: Literal["visitor", "ai", "human"] | None = None
    attachments: Annotated[tuple[AttachmentSent, ...], Field(max_length=20)] = ()


class Identify(EventSent):
    """``user_hash``, ``token`` and metadata of a wrong type make the visitor anonymous or are kept
    as they are; they never refuse the event.
    """

    type: Literal["identify"]
    user_id: Id
    user_hash: Annotated[Any, PERSONAL] = None
    token: Annotated[Any, PERSONAL] = None
    user_metadata: Annotated[Any, PERSONAL] = None

    @property
    def unsigned(self) -> bool:
        """Neither a hash nor a token was sent, not even an empty one."""
        return self.model_fields_set.isdisjoint({"user_hash", "token"})


class LeadCaptured(EventSent):
    type: Literal["lead_captured"]
    lead: Lead
    intent: Long | None = None
    form: Short | None = None
    skill: Short | None = None


class ConversationTagged(EventSent):
    type: Literal["conversation_tagged"]
    conversation_id: Id
    tags: Annotated[tuple[Tag, ...], Field(min_length=1, max_length=50)]


class ConversationClosed(EventSent):
    type: Literal["conversation_closed"]
    conversation_id: Id
    reason: Short | None = None


class LoggedOut(EventSent):
    type: Literal["logged_out"]


Event = (
    SessionStarted
    | PageViewed
    | MessageSent
    | Identify
    | LeadCaptured
    | ConversationTagged
    | ConversationClosed
    | LoggedOut
)
_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
_TYPES: Final = (
    "session_started, page_viewed, message, identify, lead_captured, conversation_tagged, "
    "conversation_closed or logged_out"
)


def read_event(value: Any, now: datetime, blocked: Sequence[str] = ()) -> Event | Rejection:
    """The event, or why it is none. ``blocked`` are the agent's own values that name nobody.

    Ids that name nobody (``undefined`` from a broken widget) are taken as absent: else all
    visitors of that widget would be one.
    """
    if not isinstance(value, Mapping):
        return Rejection("wrong-type", "An event is a JSON object.")
    try:
        event = _EVENT.validate_python(value)
    except ValidationError as error:
        return _rejection(error.errors(include_url=False, include_input=False)[0])
    if event.occurred_at > now + AHEAD:
        return Rejection("in-the-future", "More than five minutes ahead of now.", "/occurred_at")
    return _naming_somebody(event, blocked)


def _naming_somebody(event: Event, blocked: Sequence[str]) -> Event | Rejection:
    nobodys: dict[str, None] = {
        f"{kind}_id": None
        for kind in ("session", "browser", "conversation")
        if (given := getattr(event, f"{kind}_id")) and is_blocked(kind, given, blocked)
    }
    if event.sender and is_blocked(event.channel, event.sender.address, blocked):
        nobodys["sender"] = None
    named = event.model_copy(update=nobodys) if nobodys else event
    if (
        named.session_id
        or named.browser_id
        or named.conversation_id
        or named.sender
        or isinstance(named, Identify)
    ):
        return named
    return Rejection(
        "missing", "At least one of session_id, browser_id, conversation_id or sender is required."
    )


_DETAILS: Final[dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]]] = {
    "missing": ("missing", lambda _: "This field is required."),
    "string_too_long": ("too-long", lambda c: f"At most {c['max_length']} characters."),
    "string_too_short": ("too-short", lambda _: "Must not be empty."),
    "too_long": ("too-long", lambda c: f"At most {c['max_length']} entries."),
    "too_short": ("too-short", lambda _: "Must not be empty."),
    "model_type": ("wrong-type", lambda _: "Must be a JSON object."),
    "dict_type": ("wrong-type", lambda _: "Must be a JSON object."),
    "string_pattern_mismatch": (
        "malformed",
        lambda _: "A lower-case word of letters, digits, - and _, at most 32 characters.",
    ),
    "literal_error": ("unknown-value", lambda c: f"Must be {c['expected']}."),
    "union_tag_not_found": ("missing", lambda _: "This field is required."),
    "union_tag_invalid": ("unknown-type", lambda _: f"Must be {_TYPES}."),
}


def _rejection(error: ErrorDetails) -> Rejection:
    kind, context = error["type"], error.get("ctx", {})
    # The first place is the tag of the union, which is no part of the event.
    path = ["type"] if kind.startswith("union_tag") else [str(part) for part in error["loc"][1:]]
    if path[1:2] == ["attributes"]:
        # What follows is a key that the sender made up, which may say anything.
        path = path[:2]
    field = "".join(f"/{part}" for part in path) or None
    if kind in _DETAILS:
        code, detail = _DETAILS[kind]
        return Rejection(code, detail(context), field)
    if kind in {"malformed", "too-long"}:
        return Rejection(kind, error["msg"], field)
    return Rejection("wrong-type", f"{error['msg']}.", field)
