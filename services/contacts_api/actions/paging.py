"""Pages of every list: signed cursors in, rows and their neighbours' cursors out."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from asyncpg import Record

from contacts_api.actions.reading import locate, need, wrong_parameter
from contacts_api.domain.cursors import (
    NotACursorError,
    Position,
    cut_page,
    open_cursor,
    purpose_of,
    seal_cursor,
)
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store.statements import Stretch
from service_kit.tx import Tx

Json = dict[str, Any]


def position_of(state: State, purpose: str, cursor: str | None) -> Position | None:
    """Where the page begins. Raises Problem 422 for a cursor that is not of this list."""
    if not cursor:
        return None
    try:
        return open_cursor(state.secret_key("cursors"), purpose, cursor)
    except NotACursorError:
        raise wrong_parameter(
            "cursor", "Not a cursor of this list with these filters and this order."
        ) from None


def cut(
    state: State,
    purpose: str,
    read: Sequence[Record],
    limit: int,
    position: Position | None,
    values: Callable[[Record], tuple[str, ...]],
) -> tuple[list[Record], Json]:
    """``read`` are up to ``limit`` + 1 rows from the position on, in the direction it goes.

    Gives the page's rows in the list's order, and its cursors.
    """
    page = cut_page(len(read), limit, position)
    backwards = position is not None and position.backwards
    ordered = list(reversed(read)) if backwards else list(read)
    rows = ordered[page.first : page.last]
    key = state.secret_key("cursors")

    def cursor(row: Record, back: bool) -> str:
        return seal_cursor(key, purpose, Position(values(row), back))

    return rows, {
        "next_cursor": cursor(rows[-1], False) if rows and page.has_next else None,
        "prev_cursor": cursor(rows[0], True) if rows and page.has_previous else None,
    }


async def page_in_time(
    state: State,
    purpose: str,
    cursor: str | None,
    limit: int,
    read: Callable[[Stretch], Awaitable[Sequence[Record]]],
    names: tuple[str, str],
    *,
    ascending: bool = False,
) -> tuple[list[Record], Json]:
    """A page of a list in order of time, newest first or ``ascending``, and its cursors.

    ``names`` are the columns of the time and of the id that tells rows of one time apart.
    """
    position = position_of(state, purpose, cursor)
    at, id_ = position.values if position else (None, None)
    backwards = position is not None and position.backwards
    stretch = Stretch(
        limit + 1, datetime.fromisoformat(at) if at else None, id_, backwards != ascending
    )
    time, name = names
    return cut(
        state,
        purpose,
        await read(stretch),
        limit,
        position,
        lambda row: (row[time].isoformat(), row[name]),
    )


async def page_of_contact(
    state: State,
    principal: Principal,
    contact: str,
    listing: Callable[[Tx, str, str, Stretch], Awaitable[Sequence[Record]]],
    names: tuple[str, str],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[list[Record], Json]:
    """A page of what hangs on one contact, newest first. Raises MovedError, Problem 403 to 410."""
    need(principal, "contacts:read")
    purpose = purpose_of((listing.__name__, principal.space, contact))
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        read = partial(listing, tx, principal.space, contact)
        return await page_in_time(state, purpose, cursor, limit, read, names)
