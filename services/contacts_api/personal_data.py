"""Every column of this service's tables: what it may say of a person, and what an erasure does."""

from service_kit.personal_data import Class, Column, OnErase


def _columns(
    table: str, names: str, klass: Class, on_erase: OnErase, *, export: bool = False, note: str = ""
) -> tuple[Column, ...]:
    return tuple(
        Column(table, name, klass, on_erase, export=export, note=note) for name in names.split()
    )


def _gone(table: str, names: str, klass: Class, *, export: bool = False) -> tuple[Column, ...]:
    return _columns(table, names, klass, "delete", export=export)


def _kept(table: str, names: str, note: str = "") -> tuple[Column, ...]:
    return _columns(table, names, "none", "keep", note=note)


_STAFF = "a person of the customer's team, who is no contact"
_DERIVED = "made from the snapshot, which is exported"
_PROOF = "an opaque id that answers 410 and proves the erasure"
_DAY = "gone after 24 hours, and with the person"

COLUMNS: tuple[Column, ...] = (
    *_kept("holds", "space hold reason contacts held_at released_at"),
    *_gone("dismissals", "space dismissed_at", "none"),
    *_gone("dismissals", "one other", "pseudonym"),
    *_columns("dismissals", "dismissed_by", "pseudonym", "delete", note=_STAFF),
    *_kept("workspaces", "workspace name created_at"),
    *_kept("spaces", "space workspace name"),
    *_kept("agents", "agent workspace space name region grace_days policies limits created_at"),
    *_kept("agents", "published_at"),
    *_kept("keys", "agent key kind last4 scopes origins native limits created_at revoked_at"),
    *_columns("keys", "digest", "secret", "keep", note="of a random key"),
    *_kept("users", "user_id workspace role created_at"),
    *_columns("users", "login", "identifying", "keep", note=_STAFF),
    *_columns("users", "password", "secret", "keep", note=_STAFF),
    *_kept("sign_ins", "user_id created_at used_at", note=_STAFF),
    *_columns("sign_ins", "digest", "secret", "keep", note=_STAFF),
    *_gone("contacts", "space version kind verified audience created_at updated_at", "none"),
    *_gone("contacts", "erasure", "none"),
    *_gone("contacts", "contact", "pseudonym"),
    *_gone("seen", "space kind at", "none"),
    *_gone("seen", "contact", "pseudonym"),
    *_columns("contacts", "name email company external_id", "identifying", "delete", note=_DERIVED),
    *_gone("profiles", "space", "none"),
    *_gone("profiles", "contact", "pseudonym"),
    *_gone("profiles", "snapshot", "identifying", export=True),
    *_columns("profiles", "search keys", "identifying", "delete", note=_DERIVED),
    *_columns("profiles", "tags attributes", "content", "delete", note=_DERIVED),
    *_gone("records", "space verified_at stood sequence", "none"),
    *_gone("records", "record contact unit", "pseudonym", export=True),
    *_gone("records", "verified_user", "identifying", export=True),
    *_gone("activity", "space first_at last_at seen_at", "none", export=True),
    *_gone("activity", "channel", "none", export=True),
    *_gone("activity", "record", "pseudonym"),
    *_gone("activity", "conversation", "identifying", export=True),
    *_gone("conversations", "space agent sequence", "none"),
    *_gone("conversations", "record claim", "pseudonym"),
    *_gone("proven_claims", "space", "none"),
    *_gone("proven_claims", "claim record", "pseudonym"),
    *_gone("conversations", "conversation", "identifying", export=True),
    *_gone("timeline", "space at entry type channel direction author", "none", export=True),
    *_gone("timeline", "record", "pseudonym", export=True),
    *_gone("timeline", "conversation event_id message_id", "identifying", export=True),
    *_gone("timeline", "text detail", "content", export=True),
    *_gone("merges", "space merge cause at undone_at", "none", export=True),
    *_gone("merges", "into_contact absorbed parties link", "pseudonym", export=True),
    *_gone("merges", "evidence", "none", export=True),
    *_gone("merges", "actor", "none"),
    *_kept("crm_connections", "space connection kind label state reason sequence"),
    *_gone("crm_states", "space connection kind state reason synced_at sequence", "none"),
    *_gone("crm_states", "contact", "pseudonym"),
    *_gone("crm_states", "remote_id remote_url", "pseudonym", export=True),
    *_gone("notes", "space note created_at updated_at version", "none", export=True),
    *_gone("notes", "record", "pseudonym"),
    *_gone("notes", "text", "content", export=True),
    *_columns("notes", "author", "identifying", "delete", note=_STAFF),
    *_columns("commands", "space command kind actor", "none", "expires", note=_DAY),
    *_columns("commands", "ordered_at settled_at outcome merge code", "none", "expires", note=_DAY),
    *_columns("commands", "outranked", "none", "expires", note=_DAY),
    *_columns("commands", "contact contacts", "pseudonym", "expires", note=_DAY),
    *_columns("answers", "space caller once digest status", "none", "expires", note=_DAY),
    *_columns("answers", "created_at", "none", "expires", note=_DAY),
    *_columns("answers", "location contacts", "pseudonym", "expires", note=_DAY),
    *_columns("answers", "body", "identifying", "expires", note=_DAY),
    *_kept("erasures", "space erasure mode grace_days reason requested_by requested_at state"),
    *_kept("erasures", "blocked state_at"),
    *_columns("erasures", "contact", "pseudonym", "keep", note=_PROOF),
    *_kept("receipts", "space erasure slice fenced_at erased_at counts expires remaining"),
    *_kept("fences", "space erasure"),
    *_columns("fences", "record", "pseudonym", "keep", note=_PROOF),
    *_kept("audit", "space entry at actor_kind actor action detail"),
    *_columns("audit", "actor_name", "identifying", "keep", note=_STAFF),
    *_columns("audit", "contact", "pseudonym", "keep", note="who did what stays provable"),
)
