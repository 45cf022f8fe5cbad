"""Erasures as the API answers them, and the receipt of this service's own slice."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from contacts_api.domain.contact_view import moment

Json = dict[str, Any]
WIPED_AFTER_DAYS: Final = 30
BACKUPS_GONE_AFTER_DAYS: Final = 90
COUNTED: Final = (
    "timeline", "activity", "conversations", "claims", "notes", "records", "contacts", "crm_states",
    "merges", "answers",
)  # fmt: skip


def requested_json(erasure: str, contact: str, at: datetime, grace_days: int) -> Json:
    """What the 202 says: state and dates."""
    return {
        "id": erasure,
        "state": "requested",
        "contact": contact,
        "requested_at": moment(at),
        "grace_days": grace_days,
        "restorable_until": moment(at + timedelta(days=grace_days)) if grace_days else None,
        "wiped_by": moment(at + timedelta(days=WIPED_AFTER_DAYS)),
        "backups_gone_by": moment(at + timedelta(days=BACKUPS_GONE_AFTER_DAYS)),
    }


def erasure_json(row: Any, receipts: Iterable[Any], parsed: Mapping[str, Any]) -> Json:
    """Progress with every slice's receipt; ``parsed`` maps JSON texts of the rows to values."""
    base = requested_json(row["erasure"], row["contact"], row["requested_at"], row["grace_days"])
    return {
        **base,
        "state": row["state"],
        "state_at": moment(row["state_at"]),
        "blocked": row["blocked"],
        "mode": row["mode"],
        "reason": row["reason"],
        "requested_by": row["requested_by"],
        "receipts": [
            {
                "slice": receipt["slice"],
                "fenced_at": moment(receipt["fenced_at"]),
                "at": moment(receipt["erased_at"]),
                "counts": parsed[receipt["counts"]],
                "left": receipt["remaining"],
                "expires": parsed[receipt["expires"]],
            }
            for receipt in receipts
        ],
    }
