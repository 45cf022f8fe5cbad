"""What `gdpr_purge` holds of people: opaque ids only. Export, erasure and the scan read it."""

from service_kit.personal_data import Column, TopicField


def _plain(table: str, *columns: str) -> tuple[Column, ...]:
    return tuple(Column(table, column, "none", "keep", export=False) for column in columns)


_OPAQUE = "an opaque id, which names nobody once the other slices are done"

COLUMNS: tuple[Column, ...] = (
    *_plain("erasures", "space", "erasure", "mode", "grace_days", "requested_by", "requested_at"),
    *_plain("erasures", "scoped", "state", "reason", "fence_no", "erase_no", "fenced_at"),
    *_plain("erasures", "due_at", "sent_at", "changed_at"),
    Column("erasures", "contact", "pseudonym", "keep", export=False, note=_OPAQUE),
    Column("erasures", "records", "pseudonym", "blank", export=False, note=_OPAQUE),
    Column("erasures", "ids", "pseudonym", "blank", export=False, note=_OPAQUE),
    *_plain("receipts", "space", "erasure", "step", "slice", "counts", "expires", "left_over"),
    *_plain("receipts", "at"),
    *_plain("ledger", "number", "kind", "erasure", "at", "detail_hash", "previous_hash", "hash"),
    *_plain("ledger_head", "one", "number", "hash"),
    *_plain("ledger_details", "number", "salt"),
    Column(
        "ledger_details",
        "detail",
        "pseudonym",
        "keep",
        export=False,
        note="record ids, to erase again what a restored backup brings back",
    ),
)

TOPIC_FIELDS: tuple[TopicField, ...] = (
    TopicField("FenceRecords", "records", "pseudonym"),
    TopicField("EraseRecords", "records", "pseudonym"),
    TopicField("EraseRecords", "ids", "pseudonym"),
)
