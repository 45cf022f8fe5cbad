"""`list_contacts` for each sort column and direction: variants of one statement, made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from contacts_api.domain.list_query import SORTS
from contacts_api.domain.sort_keys import BLANK
from contacts_api.store.statements import queries
from service_kit.sql import Query
from service_kit.tx import Tx

COUNTED_TO: Final = 10_001
_TIMES: Final = frozenset({"last_seen_at", "created_at", "updated_at"})
_AFTER: Final = "(s.at, s.contact) < ($2::text::timestamptz, $3::text)"
_ORDER: Final = "ORDER BY s.at DESC, s.contact DESC"
_POSITION: Final = "s.at::text AS position"


@dataclass(frozen=True)
class Filters:
    """The parameters of the statement from the fifth on, in its order. None: not asked for."""

    kinds: Sequence[str] | None = None
    audiences: Sequence[str] | None = None
    verified: bool | None = None
    patterns: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    not_tags: Sequence[str] | None = None
    emails: Sequence[str] | None = None
    phones: Sequence[str] | None = None
    external_ids: Sequence[str] | None = None
    channels: Sequence[str] | None = None
    not_channels: Sequence[str] | None = None
    crm_states: Sequence[str] | None = None
    conversations: Sequence[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    last_seen_after: datetime | None = None
    last_seen_before: datetime | None = None
    attributes: str | None = None
    has_suggestions: bool | None = None
    blank: str = BLANK
    """What a blank sort key is."""

    @property
    def parameters(self) -> list[Any]:
        return list(vars(self).values())


def _variant(column: str, descending: bool) -> Query:
    kind = "timestamptz" if column in _TIMES else "text"
    sign, word = ("<", "DESC") if descending else (">", "ASC")
    # What contacts are sorted by stands in the table whose index it leads.
    table, name = ("s", "at") if column == "last_seen_at" else ("c", column)
    text = queries.list_contacts.text
    for written, meant in (
        (_AFTER, f"({table}.{name}, {table}.contact) {sign} ($2::text::{kind}, $3::text)"),
        (_ORDER, f"ORDER BY {table}.{name} {word}, {table}.contact {word}"),
        (_POSITION, f"{table}.{name}::text AS position"),
    ):
        assert text.count(written) == 1
        text = text.replace(written, meant)
    return Query(f"list_contacts_by_{column}_{word.lower()}", text)


VARIANTS: Final = {
    (column, descending): _variant(column, descending)
    for column in SORTS
    for descending in (True, False)
}
_COUNT: Final = Query(
    "count_contacts",
    "WITH listed AS (" + queries.list_contacts.text.rstrip("; \n") + ")\n"
    "SELECT count(*) FROM listed",
)


async def plan_for_values(tx: Tx) -> None:
    await tx.execute(queries.plan_for_values)


async def list_contacts(
    tx: Tx,
    space: str,
    order: tuple[str, bool],
    after: tuple[str, str] | None,
    rows: int,
    filters: Filters,
) -> list[asyncpg.Record]:
    """``order``: sort column and whether descending; ``after``: sort value and contact."""
    value, contact = after or (None, None)
    query = VARIANTS[order]
    return await tx.fetch(query, space, value, contact, rows, *filters.parameters)


async def count_contacts(tx: Tx, space: str, filters: Filters) -> int:
    """How many there are, counted no further than 10,001."""
    counted = await tx.fetchval(_COUNT, space, None, None, COUNTED_TO, *filters.parameters)
    return int(counted)
