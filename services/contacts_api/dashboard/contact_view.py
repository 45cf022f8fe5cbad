"""A contact's JSON arranged for its page: facts, timeline by day, merges in words. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from contacts_api.dashboard import words
from contacts_api.domain.principal import Principal

Json = Mapping[str, Any]
# Said elsewhere: the page in the entry's title, who was merged on the tab of merges.
NO_DETAIL = frozenset({"page_title", "merge_id", "into", "from"})
EVIDENCE = {
    "whatsapp": "same WhatsApp sender", "sms": "same SMS sender", "slack": "same Slack sender",
    "messenger": "same Messenger sender", "channel": "same sender",
    "external_id": "same user id", "user": "same user id", "email": "same e-mail",
    "phone": "same phone", "browser": "same browser", "session": "same session",
    "conversation": "same conversation",
    "crm": "same CRM record",
}  # fmt: skip
# What joins records without an identifier, by rank.
UNNAMED = {9: "conversation", 10: "session"}
FIELDS = (
    ("name", "Name"), ("email", "E-mail"), ("phone", "Phone"), ("company", "Company"),
    ("external_id", "External id"),
)  # fmt: skip


def profile(contact: Json) -> list[tuple[str, str | None]]:
    return [(label, contact.get(field)) for field, label in FIELDS]


def identifiers(contact: Json) -> list[dict[str, Any]]:
    """Every value that tells who this is, with its proof."""
    rows = [
        {
            "label": label, "value": item["value"], "proof": item["proof"],
            "seen": bool(item.get("first_seen_at")), "first": item.get("first_seen_at"),
            "last": item.get("last_seen_at"),
        }
        for field, label in (("emails", "E-mail"), ("phones", "Phone"))
        for item in contact.get(field) or ()
    ]  # fmt: skip
    if contact.get("external_id"):
        proof = "proven" if contact.get("verified") else "asserted"
        rows.insert(
            0, {"label": "User", "value": contact["external_id"], "proof": proof, "seen": False}
        )
    rows += [
        {"label": "Stripe", "value": account.get("stripe_id"), "proof": "asserted", "seen": False}
        for account in contact.get("stripe_accounts") or ()
    ]
    return rows


def said_values(contact: Json) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in (contact.get("said") or {}).items() if value]


def days(
    entries: Sequence[Json], now: datetime, headed: str = ""
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Entries under their days; the day that stands on the page already is not headed again."""
    shown = [_entry(entry) for entry in entries]
    by_day = groupby(shown, key=lambda entry: words.day_heading(entry["at"], now))
    return [("" if heading == headed else heading, list(group)) for heading, group in by_day]


def _entry(entry: Json) -> dict[str, Any]:
    kind, channel = entry["type"], entry.get("channel")
    shown_channel = channel if channel in words.CHANNEL_ICONS else "dot"
    return {
        "id": entry["id"],
        "type": kind,
        "at": entry["at"],
        "channel": channel,
        "direction": entry.get("direction"),
        "text": entry.get("text"),
        "icon": shown_channel if kind == "message" else words.EVENT_ICONS.get(kind, "dot"),
        "title": _title(entry),
        "facts": list(_facts(entry.get("detail") or {})),
    }


def _title(entry: Json) -> str:
    page = (entry.get("detail") or {}).get("page_title")
    if entry["type"] == "page_viewed" and page:
        return f"Viewed “{page}”"
    if entry["type"] != "message":
        return words.said(words.EVENTS, entry["type"])
    author = entry.get("author") or ("human" if entry.get("direction") == "outbound" else "visitor")
    return words.said(words.AUTHORS, author)


def _facts(detail: Json, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in detail.items():
        if key in NO_DETAIL or value in (None, "", [], {}):
            continue
        if isinstance(value, Mapping):
            yield from _facts(value, f"{words.said(words.DETAILS, key)} ")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            names = [str(item.get("name") or item.get("url") or "") for item in value]
            yield words.word(key), ", ".join(name for name in names if name)
        else:
            label = words.said(words.DETAILS, key)
            yield (f"{prefix}{label.lower()}" if prefix else label), value


def merges(entries: Sequence[Json], now: datetime, reader: Principal) -> list[dict[str, Any]]:
    return [_merge(entry, now, reader) for entry in entries]


def _merge(entry: Json, now: datetime, reader: Principal) -> dict[str, Any]:
    left = words.days_left(entry.get("undoable_until"), now)
    how = (
        f"by {_actor(entry.get('by'), reader)}" if entry["cause"] == "operator" else "automatically"
    )
    late = "It is more than 30 days ago, so it can no longer be undone."
    return {
        "id": entry["id"],
        "title": f"Merged {how}",
        "how": how,
        "at": entry["at"],
        "undone_at": entry.get("undone_at"),
        "into": entry["into"],
        "from_ids": entry["from"],
        "why": why(entry.get("evidence")),
        "days_left": left,
        "cannot": late if entry.get("undoable_until") and not left else None,
    }


def _actor(actor: str | None, reader: Principal) -> str:
    """The id of whoever ordered it in words; the reader knows himself."""
    if actor == reader.id:
        return "you"
    kind = (actor or "").partition("_")[0]
    return {"user": "a teammate", "key": "an API key"}.get(kind, "Kith")


def why(evidence: Json | None) -> str | None:
    """The evidence of a merge in words: the strongest link between its sides."""
    if not evidence:
        return None
    identifier, proof = evidence.get("identifier"), evidence.get("proof")
    said = words.said(EVIDENCE, identifier or UNNAMED.get(evidence["rank"], ""))
    return f"{said}, {words.said(words.PROOFS, proof).lower()}" if identifier and proof else said


def banner(shown: Sequence[Json]) -> dict[str, Any] | None:
    """The newest merge that can still be undone."""
    newest = next((m for m in shown if not m["undone_at"] and m["days_left"]), None)
    if newest is None:
        return None
    count = len(newest["from_ids"])
    how = f"{newest['how']} ({newest['why']})" if newest["why"] else newest["how"]
    others = "another contact" if count == 1 else f"{count} other contacts"
    return {**newest, "others": others, "how": how}


def _channels(contact: Json) -> str:
    return ", ".join(words.said(words.CHANNELS, c["channel"]) for c in contact["channels"])


COMPARED: tuple[tuple[str, Callable[[Json], str]], ...] = (
    ("Audience", lambda c: words.said(words.AUDIENCES, c["audience"]["value"])),
    ("Tags", lambda c: ", ".join(c["tags"])),
    ("Channels", _channels),
    ("Conversations", lambda c: str(c["conversations"]["count"] or "")),
    ("Created", lambda c: words.day(c["created_at"])),
)


def compared(left: Json, right: Json) -> list[dict[str, Any]]:
    """Two contacts field by field, those that differ first."""
    rows = [(label, left.get(field), right.get(field)) for field, label in FIELDS]
    rows += [(label, show(left), show(right)) for label, show in COMPARED]
    for key in dict.fromkeys([*left["custom_attributes"], *right["custom_attributes"]]):
        values = [c["custom_attributes"].get(key) for c in (left, right)]
        first, second = ("" if v is None else words.attribute(v) for v in values)
        rows.append((key, first, second))
    shown = [
        {"label": label, "left": a, "right": b, "differs": bool(a and b and a != b)}
        for label, a, b in rows
        if a or b
    ]
    return sorted(shown, key=lambda row: not row["differs"])
