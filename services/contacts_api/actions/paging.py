"""Pages of every list: signed cursors in, rows and their neighbours' cursors out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from asyncpg import Record

from contacts_api.actions.reading import wrong_parameter
from contacts_api.domain.cursors import (
    NotACursorError,
    Position,
    cut_page,
    open_cursor,
    seal_cursor,
)
from contacts_api.state import State

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


def moment_of(position: Position | None) -> tuple[datetime, str] | None:
    """Of lists in order of time: the time and the id to go on from."""
    if position is None:
        return None
    at, id_ = position.values
    return datetime.fromisoformat(at), id_


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


def cut_forward(
    state: State,
    purpose: str,
    read: Sequence[Record],
    limit: int,
    values: Callable[[Record], tuple[str, ...]],
) -> tuple[list[Record], Json]:
    """For lists that are only ever walked on."""
    rows, cursors = cut(state, purpose, read, limit, None, values)
    return rows, {**cursors, "prev_cursor": None}
