"""SQL stands in `queries.sql`, each statement with a name; this reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)


@dataclass(frozen=True)
class Query:
    """One named statement."""

    name: str
    text: str

    def __repr__(self) -> str:
        return f"Query({self.name})"


class Queries:
    """The statements of one file as attributes; an unknown name is an AttributeError."""

    def __init__(self, queries: dict[str, Query]) -> None:
        self._queries = queries

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"there is no query named {name}") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())

    def __len__(self) -> int:
        return len(self._queries)


def load_queries(*files: Path) -> Queries:
    """Read `-- name: x` blocks. Raises ValueError for a name that stands twice."""
    queries: dict[str, Query] = {}
    for file in files:
        parts = _NAME.split(file.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            if name in queries:
                raise ValueError(f"two queries are named {name} in {file.name}")
            queries[name] = Query(name, text.strip())
    return Queries(queries)
