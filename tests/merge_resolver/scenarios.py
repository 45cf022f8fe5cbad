"""Cases from outside: events in, groups out. Each names its source."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import orjson

from merge_resolver.domain import Rules, resolve
from merge_resolver.neutral_events import Translation, answer

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("scenarios_*.json"))
    for case in json.loads(path.read_text("utf-8"))["cases"]
]


def named(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each event with the id that it has as written, so that it may stand anywhere."""
    return [{"id": str(number)} | copy.deepcopy(event) for number, event in enumerate(events)]


def arrivals(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """As written, reversed, and shuffled with some of them twice."""
    given = named(events)
    orders = [given, given[::-1]]
    for seed in range(3):
        shuffled = given + random.Random(seed).choices(given, k=len(given) // 2)
        random.Random(seed + 10).shuffle(shuffled)
        orders.append(shuffled)
    return orders


def resolved(events: list[dict[str, Any]]) -> dict[str, Any]:
    translation = Translation(events, lambda _kind, value: value)
    contacts = resolve(translation.facts, Rules())
    told: dict[str, Any] = orjson.loads(b"".join(answer(contacts, translation)))
    return told
