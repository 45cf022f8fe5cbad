"""Every column of the schema: whether it speaks of a person, and what an erasure does."""

from typing import Final

from service_kit.personal_data import Column

_KEPT = "keeps the erased erased"
_REPLAY = "a keyed hash; without it a replay would bring an erased person back; gone after 8 days"
_DAY = "counts and ids of events; gone after a day"
_HASH = "a keyed hash"

COLUMNS: Final = (
    Column("accepted_events", "agent", "none", "expires", export=False),
    Column("accepted_events", "event", "pseudonym", "expires", export=False, note=_REPLAY),
    Column("accepted_events", "accepted_at", "none", "expires", export=False),
    Column("claims", "space", "none", "delete", export=True),
    Column("claims", "subject", "pseudonym", "delete", export=True, note=_HASH),
    Column("claims", "claim", "pseudonym", "delete", export=True),
    Column("claims", "user_id", "identifying", "delete", export=True),
    Column("claims", "record", "pseudonym", "delete", export=True),
    Column("claims", "anonymous", "pseudonym", "delete", export=True),
    Column("claims", "refused", "none", "delete", export=True),
    Column("claims", "used_at", "none", "delete", export=True),
    Column("conversations", "space", "none", "delete", export=True),
    Column("conversations", "conversation", "pseudonym", "delete", export=True, note=_HASH),
    Column("conversations", "session", "pseudonym", "delete", export=True, note=_HASH),
    Column("conversations", "record", "pseudonym", "delete", export=True),
    Column("conversations", "anonymous", "pseudonym", "delete", export=True),
    Column("conversations", "used_at", "none", "delete", export=True),
    Column("typed_addresses", "space", "none", "delete", export=True),
    Column("typed_addresses", "unit", "pseudonym", "delete", export=True, note=_HASH),
    Column("typed_addresses", "address", "pseudonym", "delete", export=True, note=_HASH),
    Column("typed_addresses", "record", "pseudonym", "delete", export=True),
    Column("answers", "agent", "none", "expires", export=False, note=_DAY),
    Column("answers", "caller", "none", "expires", export=False, note=_DAY),
    Column("answers", "once", "none", "expires", export=False, note=_DAY),
    Column("answers", "digest", "none", "expires", export=False, note=_DAY),
    Column("answers", "body", "pseudonym", "expires", export=False, note=_DAY),
    Column("answers", "created_at", "none", "expires", export=False, note=_DAY),
    Column("fences", "space", "none", "keep", export=False),
    Column("fences", "record", "pseudonym", "keep", export=False, note=_KEPT),
    Column("fences", "erasure", "none", "keep", export=False),
    Column("fences", "mode", "none", "keep", export=False),
    Column("fences", "fenced_at", "none", "keep", export=False),
    Column("fences", "ledger_no", "none", "keep", export=False),
    Column("receipts", "space", "none", "keep", export=False),
    Column("receipts", "erasure", "none", "keep", export=False),
    Column("receipts", "counts", "none", "keep", export=False),
)
