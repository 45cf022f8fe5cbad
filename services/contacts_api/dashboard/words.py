"""How values are said on a page: names, times, sources and states in words. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

MINUTE, HOUR, DAY = 60, 3600, 86_400
MONOGRAM_TINTS = 8

CHANNELS = {
    "widget": "Widget", "whatsapp": "WhatsApp", "sms": "SMS", "slack": "Slack", "email": "E-mail",
    "messenger": "Messenger", "api": "API", "crm": "CRM", "import": "Import",
}  # fmt: skip
CHANNEL_ICONS = frozenset(
    {"widget", "whatsapp", "sms", "slack", "email", "messenger", "api", "crm"}
)
KINDS = {"anonymous": "Anonymous", "lead": "Lead", "customer": "Customer"}
AUDIENCES = {
    "public": "Public", "paid_users": "Paid users", "enterprise": "Enterprise",
    "growth": "Growth", "internal": "Internal",
}  # fmt: skip
AUDIENCE_SOURCES = {
    "operator": "set by a teammate", "api": "set by the API", "crm": "from the CRM",
    "signed": "from a signed identity", "default": "by default",
}  # fmt: skip
PROOFS = {"typed": "Typed", "asserted": "Asserted", "proven": "Proven"}
PROOF_HINTS = {
    "typed": "Typed by a visitor; nobody checked it",
    "asserted": "Said by a connected system",
    "proven": "Proven by the person or the channel",
}
CRM_STATES = {
    "synced": "Synced", "pending": "Pending", "error": "Error", "not_synced": "Not synced",
}  # fmt: skip
CRM_KINDS = {"hubspot": "HubSpot", "salesforce": "Salesforce", "stripe": "Stripe"}
EVENTS = {
    "message": "Message", "page_viewed": "Viewed a page", "session_started": "Started a session",
    "lead_captured": "Left details in a form", "identified": "Signed in", "merged": "Merged",
    "split": "Came apart", "note": "Note", "task": "Task", "tagged": "Conversation tagged",
    "conversation_tagged": "Conversation tagged", "conversation_closed": "Conversation closed",
    "logged_out": "Logged out", "observed": "Row received", "edited": "Edited",
}  # fmt: skip
EVENT_ICONS = {
    "page_viewed": "page", "session_started": "widget", "lead_captured": "user",
    "identified": "check", "merged": "merge", "split": "split", "note": "note", "tagged": "tag",
    "conversation_tagged": "tag",
    "conversation_closed": "minus", "logged_out": "minus", "edited": "note",
}  # fmt: skip
DETAILS = {"page_url": "Page", "lead": "Left"}
AUTHORS = {"visitor": "Visitor", "ai": "AI agent", "human": "Team"}


def word(text: str) -> str:
    """`paid_users` as `Paid users`: for values that have no words of their own."""
    spaced = text.replace("_", " ").replace("-", " ").strip()
    return spaced[:1].upper() + spaced[1:]


def said(words: Mapping[str, str], key: str | None) -> str:
    return words.get(key or "") or word(key or "")


def display_name(contact: Mapping[str, Any]) -> str:
    for field in ("name", "email", "phone", "external_id"):
        if contact.get(field):
            return str(contact[field])
    return f"Visitor {contact['id'][-4:]}"


def second_line(contact: Mapping[str, Any]) -> str | None:
    """What stands under the name: the next best way to know who it is."""
    shown = display_name(contact)
    rest = (contact.get(field) for field in ("email", "phone", "company", "external_id"))
    return next((str(value) for value in rest if value and value != shown), None)


def monogram(contact: Mapping[str, Any]) -> str:
    name = contact.get("name") or contact.get("email") or ""
    letters = [
        part[0] for part in str(name).split("@")[0].replace(".", " ").split() if part[0].isalnum()
    ]
    return "".join(letters[:1] + letters[1:][-1:]).upper()


def tint(contact: Mapping[str, Any]) -> int:
    return sum(str(contact["id"]).encode()) % MONOGRAM_TINTS


def moment(value: str | datetime | None) -> datetime | None:
    if value is None:
        return None
    parsed = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return parsed.astimezone(UTC)


def day(value: str | datetime | date) -> str:
    when = value if isinstance(value, date) and not isinstance(value, datetime) else moment(value)
    return f"{when.day} {when:%b %Y}" if when else ""


def clock(value: str | datetime) -> str:
    when = moment(value)
    return f"{when:%H:%M}" if when else ""


def minute(value: str | datetime) -> str:
    return f"{day(value)} {clock(value)}"


def ago(value: str | datetime | None, now: datetime) -> str:
    when = moment(value)
    if when is None:
        return "never"
    seconds = (now - when).total_seconds()
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min ago"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h ago"
    if seconds < 30 * DAY:
        return f"{int(seconds // DAY)} d ago"
    return day(when)


def day_heading(value: str | datetime, now: datetime) -> str:
    when = moment(value)
    if when is None:
        return ""
    if when.date() == now.date():
        return "Today"
    if when.date() == (now - timedelta(days=1)).date():
        return "Yesterday"
    return f"{when:%A}, {day(when)}"


def days_left(until: str | datetime | None, now: datetime) -> int:
    """Whole days that remain, counted up, so that the last hours are not a zero; 0 when it is
    over.
    """
    end = moment(until)
    if end is None or end <= now:
        return 0
    return -(-int((end - now).total_seconds()) // DAY)


def attribute(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(attribute(item) for item in value)
    return str(value)


def web_address(value: Any) -> str | None:
    """The value when it may become a link: http or https only, since the text is a stranger's."""
    if not isinstance(value, str) or any(c.isspace() for c in value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.netloc else None


def number(value: int) -> str:
    return f"{value:,}"
