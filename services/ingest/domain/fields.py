"""The fields that an event tells, and its line in the timeline."""

from collections.abc import Mapping
from typing import Any, Final

from contact_schema.interactions import Attachment, InteractionDetail
from contact_schema.observations import FieldClass
from ingest.domain.identifiers import is_outbound, sender_proof
from ingest.domain.placing import Arrival
from ingest.events import (
    ConversationClosed,
    ConversationTagged,
    Event,
    Identify,
    LeadCaptured,
    MessageSent,
    PageViewed,
    SessionStarted,
)

CORE_FIELDS: Final = {"name": str, "company": str, "plan": str}
SYSTEM_FIELDS: Final = {"audience": str, "stripe_accounts": list}
"""Core fields that only the customer's own server sets; anybody else's are attributes."""


def fields_of(arrival: Arrival) -> tuple[dict[str, Any], FieldClass]:
    event = arrival.event
    if isinstance(event, LeadCaptured):
        lead = event.lead
        fields: dict[str, Any] = {f"attr.{key}": v for key, v in (lead.attributes or {}).items()}
        fields |= {
            name: value
            for name, value in (("name", lead.name), ("company", lead.company))
            if text_of(value)
        }
        return fields, "typed"
    if event.sender and text_of(event.sender.name) and not is_outbound(event):
        proven = sender_proof(arrival) == "proven"
        return {"name": event.sender.name}, "self" if proven else "typed"
    return {}, "typed"


def metadata_of(event: Identify) -> Mapping[str, Any]:
    return event.user_metadata if isinstance(event.user_metadata, Mapping) else {}


def metadata_fields(metadata: Mapping[str, Any], vouched: bool) -> dict[str, Any]:
    """Fields by name; what is not of the field's type is kept as an attribute of that name."""
    core = CORE_FIELDS | SYSTEM_FIELDS if vouched else CORE_FIELDS
    fields: dict[str, Any] = {}
    for name, value in metadata.items():
        if name in {"email", "phone"} and (value is None or isinstance(value, str)):
            continue
        known = core.get(name)
        if known and (value is None or isinstance(value, known)):
            fields[name] = value
        else:
            fields[f"attr.{name}"] = value
    return fields


def text_of(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def detail_of(event: Event) -> InteractionDetail:
    match event:
        case SessionStarted() | PageViewed():
            page = event.page
            if page is None:
                return InteractionDetail()
            return InteractionDetail(
                page_url=page.url, page_title=page.title, referrer=page.referrer
            )
        case MessageSent():
            return InteractionDetail(
                message_id=event.message_id,
                direction=event.direction,
                author=event.author,
                text=event.text,
                attachments=tuple(
                    Attachment(url=a.url, name=a.name, content_type=a.content_type, size=a.size)
                    for a in event.attachments
                ),
            )
        case LeadCaptured():
            return InteractionDetail(
                intent=event.intent,
                form=event.form,
                skill=event.skill,
                lead=event.lead.model_dump(exclude_none=True),
            )
        case ConversationTagged():
            return InteractionDetail(tags=event.tags)
        case ConversationClosed():
            return InteractionDetail(reason=event.reason)
        case _:
            return InteractionDetail()
