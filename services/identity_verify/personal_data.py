"""Every column of the schema: whether it speaks of a person, and what an erasure does."""

from typing import Final

from service_kit.personal_data import Column

COLUMNS: Final = (
    Column("secrets", "agent", "none", "keep", export=False),
    Column("secrets", "id", "none", "keep", export=False),
    Column("secrets", "sealed", "secret", "keep", export=False, note="an agent's, nobody's own"),
    Column("secrets", "fingerprint", "secret", "keep", export=False, note="a keyed hash of it"),
    Column("secrets", "encoding", "none", "keep", export=False),
    Column("secrets", "label", "none", "keep", export=False),
    Column("secrets", "created_at", "none", "keep", export=False),
    Column("secrets", "ends_at", "none", "keep", export=False),
    Column("secrets", "algorithm", "none", "keep", export=False),
    Column("secrets", "deleted_at", "none", "keep", export=False),
    Column("secrets", "once", "none", "keep", export=False),
    Column("secrets", "asked", "none", "keep", export=False),
    Column("revocations", "space", "none", "keep", export=False),
    Column(
        "revocations",
        "person",
        "pseudonym",
        "keep",
        export=False,
        note="a keyed hash; what was revoked stays so, also for who is erased",
    ),
    Column("revocations", "revoked_at", "none", "keep", export=False),
    Column("attempts", "space", "none", "delete", export=False),
    Column("attempts", "unit", "pseudonym", "delete", export=False, note="gone in minutes anyhow"),
    Column("attempts", "record", "pseudonym", "delete", export=False),
    Column("attempts", "failed", "none", "delete", export=False),
    Column("attempts", "since", "none", "delete", export=False),
    Column("verdicts", "space", "none", "delete", export=True),
    Column("verdicts", "claim", "pseudonym", "delete", export=True),
    Column("verdicts", "record", "pseudonym", "delete", export=True),
    Column("verdicts", "outcome", "none", "delete", export=True),
    Column("verdicts", "at", "none", "delete", export=True),
    Column("fences", "space", "none", "keep", export=False),
    Column("fences", "record", "pseudonym", "keep", export=False, note="keeps the erased erased"),
    Column("fences", "erasure", "none", "keep", export=False),
    Column("receipts", "space", "none", "keep", export=False),
    Column("receipts", "erasure", "none", "keep", export=False),
    Column("receipts", "counts", "none", "keep", export=False),
)
