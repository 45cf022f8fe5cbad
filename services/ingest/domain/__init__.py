"""Which record an accepted event belongs to, and what it tells about the person. Pure."""

from ingest.domain.placing import (
    Arrival,
    Claim,
    Conversation,
    Fence,
    Ids,
    Known,
    Placed,
    Placement,
    Rights,
    Spot,
    place,
    spot_of,
    subjects_of,
)
from ingest.domain.telling import Address, Draft, draft, messages_of, within_limit

__all__ = [
    "Address",
    "Arrival",
    "Claim",
    "Conversation",
    "Draft",
    "Fence",
    "Ids",
    "Known",
    "Placed",
    "Placement",
    "Rights",
    "Spot",
    "draft",
    "messages_of",
    "place",
    "spot_of",
    "subjects_of",
    "within_limit",
]
