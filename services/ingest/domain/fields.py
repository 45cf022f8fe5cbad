"""The fields that an event tells, and its line in the timeline."""

from collections.abc import Mapping
from typing import Any

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
