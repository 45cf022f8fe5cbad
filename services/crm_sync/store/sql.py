"""The statements, and ids as columns for them."""

from collections.abc import Collection, Iterable
from pathlib import Path

from service_kit.sql import load_queries

queries = load_queries(Path(__file__).parents[1] / "queries.sql")

Named = Collection[tuple[str, str]]
"""Pairs of space and id."""


def columns(named: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    pairs = list(named)
    return [space for space, _ in pairs], [name for _, name in pairs]
