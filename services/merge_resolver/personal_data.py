"""Every column of the schema: whether it speaks of a person, and what an erasure does."""

from typing import Final

from service_kit.personal_data import Class, Column, OnErase


def _columns(
    table: str, klass: Class, on_erase: OnErase, *columns: str, export: bool, note: str = ""
) -> tuple[Column, ...]:
    return tuple(Column(table, one, klass, on_erase, export=export, note=note) for one in columns)


COLUMNS: Final = (
    *_columns("spaces", "none", "keep", "space", "epoch", export=False),
    *_columns("spaces", "none", "keep", "policies", "changed_at", "rules_version", export=False),
    *_columns("spaces", "pseudonym", "keep", "swept_to", export=False, note="gone when swept"),
    *_columns("holds", "none", "keep", "space", "hold", "reason", "contacts", export=False),
    *_columns("holds", "none", "keep", "held_at", "released_at", export=False),
    *_columns("holds", "pseudonym", "keep", "blob", "fact", export=False, note="what was held"),
    *_columns("decisions", "none", "delete", "space", "kind", "type", "t", export=True),
    *_columns("decisions", "pseudonym", "delete", "fact", export=True),
    *_columns("decisions", "identifying", "delete", "key", export=True),
    *_columns("records", "none", "delete", "space", "verified_at", export=True),
    *_columns("records", "pseudonym", "delete", "record", "unit", "contact", export=True),
    *_columns("records", "pseudonym", "delete", "blob", export=False, note="how rows are found"),
    *_columns("identifiers", "none", "delete", "space", "type", export=True),
    *_columns("identifiers", "identifying", "delete", "key", export=True),
    *_columns("identifiers", "pseudonym", "delete", "blob", export=False, note="as in records"),
    *_columns("facts", "none", "delete", "space", "kind", "t", export=True),
    *_columns("facts", "pseudonym", "delete", "fact", "record", export=True),
    *_columns("facts", "identifying", "delete", "body", export=True),
    *_columns("retracted", "none", "keep", "space", export=False),
    *_columns("retracted", "pseudonym", "keep", "fact", export=False, note="keeps it away"),
    *_columns("contacts", "none", "delete", "space", "version", "set_version", export=True),
    *_columns("contacts", "pseudonym", "delete", "contact", export=True),
    *_columns("contacts", "identifying", "delete", "snapshot", export=True),
    *_columns("merges", "none", "delete", "space", "merge", "cause", export=True),
    *_columns("merges", "none", "delete", "rules_version", "at", "undone_at", export=True),
    *_columns("merges", "pseudonym", "delete", "into_contact", "absorbed", export=True),
    *_columns("merges", "pseudonym", "delete", "link", "evidence", "sides", export=True),
    *_columns("fences", "none", "keep", "space", "erasure", export=False),
    *_columns("fences", "pseudonym", "keep", "record", export=False, note="keeps the erased so"),
    *_columns("erasures", "none", "keep", "space", "erasure", export=False),
    *_columns("erasures", "pseudonym", "keep", "contact", export=False, note="answers a repeat"),
    *_columns("receipts", "none", "keep", "space", "erasure", "counts", export=False),
    *_columns("settled", "none", "delete", "space", "command", "settled_at", export=False),
    *_columns("settled", "pseudonym", "delete", "contact", "body", export=False),
)
