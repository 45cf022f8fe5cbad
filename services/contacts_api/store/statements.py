"""The statements of queries.sql, loaded once, and how rows travel into them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from service_kit.sql import Query, load_queries

queries: Final = load_queries(Path(__file__).parents[1] / "queries.sql")


@dataclass(frozen=True)
class Stretch:
    """Of a list in order of time and id: ``rows`` rows after this place, or, going back, before it
    (and then in reverse).
    """

    rows: int
    at: datetime | None = None
    id: str | None = None
    backwards: bool = False

    def of(self, query: Query) -> Query:
        """The list's statement, newest first as it is written, in the direction that is asked."""
        return turned(query) if self.backwards else query


@cache
def turned(query: Query) -> Query:
    """The same list from its other end. One statement for both, so that they cannot differ."""
    text = _GOES_ON.sub(") > ($", query.text)
    return Query(f"{query.name}_turned", _NEWEST_FIRST.sub(_oldest_first, text))


def _oldest_first(order: re.Match[str]) -> str:
    return order[0].replace(" DESC", "")


_GOES_ON: Final = re.compile(r"\) < \(\$")
_NEWEST_FIRST: Final = re.compile(r"ORDER BY [^\n]+ DESC")


def as_json(rows: Iterable[Any]) -> str:
    """Rows as one parameter; times keep their offset."""
    return orjson.dumps(list(rows)).decode()


def columns(rows: Iterable[tuple[Any, ...]], count: int) -> tuple[list[Any], ...]:
    """Rows turned into one list per column, for unnest."""
    listed = list(rows)
    return tuple([row[index] for row in listed] for index in range(count))
