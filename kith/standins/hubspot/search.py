"""Search as HubSpot has it: filters, pages, at most 10,000 results, a while behind the writes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kith.standins.hubspot.portal import Contact, Portal, Refusal

MOST_RESULTS = 10_000
LARGEST_PAGE = 200
LAG = timedelta(seconds=2)


def search(portal: Portal, body: Mapping[str, Any]) -> dict[str, Any]:
    """One page. What was written within the last two seconds is not in it yet."""
    limit = int(body.get("limit", 10))
    after = int(body.get("after") or 0)
    if limit > LARGEST_PAGE or after + limit > MOST_RESULTS:
        raise Refusal(400, "VALIDATION_ERROR", "Paging beyond 10,000 results or 200 a page.")
    seen_until = portal.now() - LAG
    found = [
        contact
        for contact in portal.contacts.values()
        if not contact.archived and contact.updated_at <= seen_until and _matches(contact, body)
    ]
    page = found[after : after + limit]
    answer: dict[str, Any] = {
        "total": len(found),
        "results": [contact.body(body.get("properties") or []) for contact in page],
    }
    if after + limit < len(found):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return answer


def _matches(contact: Contact, body: Mapping[str, Any]) -> bool:
    groups = body.get("filterGroups") or []
    known: dict[str, Any] = contact.body(None)["properties"]  # type: ignore[assignment]
    return not groups or any(
        all(_holds(known, condition) for condition in group.get("filters", ())) for group in groups
    )


def _holds(known: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    value = known.get(str(condition.get("propertyName")))
    wanted = str(condition.get("value", "")).lower()
    match condition.get("operator"):
        case "EQ":
            return str(value or "").lower() == wanted
        case "NEQ":
            return str(value or "").lower() != wanted
        case "IN":
            return str(value or "").lower() in [str(v).lower() for v in condition["values"]]
        case "HAS_PROPERTY":
            return bool(value)
        case "NOT_HAS_PROPERTY":
            return not value
        case "GTE":
            return value is not None and str(value) >= str(condition.get("value", ""))
        case "LT":
            return value is not None and str(value) < str(condition.get("value", ""))
    raise Refusal(400, "VALIDATION_ERROR", "This operator is not supported.")
