"""What `crm_sync` holds of people: export, erasure and the scan for left-overs read it."""

from service_kit.personal_data import Column, TopicField


def _plain(table: str, *columns: str) -> tuple[Column, ...]:
    return tuple(Column(table, column, "none", "keep", export=False) for column in columns)


def _deleted(table: str, *columns: str) -> tuple[Column, ...]:
    """Says nothing of anybody, and goes with its row."""
    return tuple(Column(table, column, "none", "delete", export=False) for column in columns)


COLUMNS: tuple[Column, ...] = (
    *_plain("connections", "space", "connection", "agent", "kind", "label", "base_url"),
    *_plain("connections", "field_map", "state", "reason", "account", "page_url", "time_zone"),
    *_plain("connections", "paused_until", "planned_after", "created_at", "changed_at"),
    Column(
        "connections", "sealed", "secret", "keep", export=False, note="the customer's own token"
    ),
    *_deleted("contacts", "space", "kind", "version"),
    Column("contacts", "contact", "pseudonym", "delete", export=True),
    Column("contacts", "fields", "identifying", "delete", export=True),
    *_deleted("records", "space"),
    Column("records", "record", "pseudonym", "delete", export=True),
    Column("records", "contact", "pseudonym", "delete", export=True),
    *_deleted("links", "space", "connection", "key_written", "secondary", "version"),
    *_deleted("links", "synced_version", "state", "reason_code", "reason", "forced", "attempts"),
    *_deleted("links", "attempt", "attempted_at", "next_attempt_at", "pending_since"),
    *_deleted("links", "synced_at", "created_at"),
    Column("links", "record", "pseudonym", "delete", export=True),
    Column("links", "contact", "pseudonym", "delete", export=True),
    Column("links", "remote_id", "pseudonym", "delete", export=True),
    Column("links", "base", "identifying", "delete", export=True),
    *_plain("fenced_records", "space", "erasure", "fenced_at"),
    Column(
        "fenced_records",
        "record",
        "pseudonym",
        "keep",
        export=False,
        note="keeps what was erased away; an opaque id that names nobody once the rest is gone",
    ),
    *_plain("erasures", "space", "erasure", "ledger_no", "attempts", "next_attempt_at"),
    *_plain("erasures", "remote_records", "counts", "erased_at"),
    Column(
        "erasures",
        "records",
        "pseudonym",
        "keep",
        export=False,
        note="the same opaque ids, so that a repeated order finds its receipt",
    ),
)

TOPIC_FIELDS: tuple[TopicField, ...] = (
    TopicField("CrmStateChanged", "contact", "pseudonym"),
    TopicField("CrmStateChanged", "remote_id", "pseudonym"),
    TopicField("CrmStateChanged", "remote_url", "pseudonym"),
)
