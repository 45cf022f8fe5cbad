"""An erasure as its pages show it: what goes, what must be typed, and how far it is. Pure."""

from collections.abc import Mapping
from typing import Any

from contacts_api.dashboard import words
from contacts_api.dashboard.contact_view import FIELDS

Json = Mapping[str, Any]
STATES = {
    "requested": "under way", "fenced": "under way", "grace": "hidden, to be erased",
    "erasing": "under way", "erased": "done", "closed": "done", "restored": "restored",
    "blocked": "blocked",
}  # fmt: skip
ENDS = frozenset({"erased", "closed", "restored"})


def goes(contact: Json) -> list[tuple[str, str]]:
    known = [(label, str(contact[field])) for field, label in FIELDS if contact.get(field)]
    counts = (
        ("Merged contacts", len(contact["merged_ids"])),
        ("E-mails", len(contact["emails"])),
        ("Phones", len(contact["phones"])),
        ("Conversations", contact["conversations"]["count"]),
        ("CRM records", sum(1 for state in contact["crm"] if state.get("remote_id"))),
    )
    return [*known, *((label, str(count)) for label, count in counts if count)]


def to_type(contact: Json) -> str:
    """What a person types to confirm an erasure: the e-mail, else the external id, else the id."""
    return str(contact.get("email") or contact.get("external_id") or contact["id"])


def erasure(entry: Json, href: str) -> dict[str, Any]:
    times = (
        ("Requested", "requested_at"), ("Wiped by", "wiped_by"),
        ("Backups gone by", "backups_gone_by"),
    )  # fmt: skip
    facts = [
        ("State", words.said(STATES, entry["state"]).capitalize()),
        ("Erasure id", str(entry["id"])),
    ]
    facts += [(label, f"{words.minute(entry[key])} UTC") for label, key in times if entry.get(key)]
    receipts = [
        {
            "name": receipt["slice"],
            "erased": sum((receipt.get("counts") or {}).values()),
            "left": receipt.get("left"),
            "at": receipt.get("at"),
        }
        for receipt in entry.get("receipts") or ()
    ]
    return {
        "done": entry["state"] in ENDS,
        "href": href,
        "word": words.said(STATES, entry["state"]),
        "facts": facts,
        "receipts": sorted(receipts, key=lambda row: row["name"]),
    }
