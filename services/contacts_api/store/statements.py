"""The statements of queries.sql, loaded once, and how rows travel into them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import orjson

from service_kit.sql import load_queries

queries: Final = load_queries(Path(__file__).parents[1] / "queries.sql")


def as_json(rows: Iterable[Any]) -> str:
    """Rows as one parameter; times keep their offset."""
    return orjson.dumps(list(rows)).decode()


def columns(rows: Iterable[tuple[Any, ...]], count: int) -> tuple[list[Any], ...]:
    """Rows turned into one list per column, for unnest."""
    listed = list(rows)
    return tuple([row[index] for row in listed] for index in range(count))
