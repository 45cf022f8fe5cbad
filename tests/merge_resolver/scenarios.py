"""Cases from outside: events in, groups out. Each names its source."""

import copy
import itertools
import json
import random
from pathlib import Path
from typing import Any

from merge_resolver.domain import Rules, resolve
from merge_resolver.neutral_events import Translation, answer
from merge_resolver.neutral_shapes import checked

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("scenarios_*.json"))
    for case in json.loads(path.read_text("utf-8"))["cases"]
]


def named(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each event with the id that it has as written, so that it may stand anywhere."""
    return [{"id": str(number)} | copy.deepcopy(event) for number, event in enumerate(events)]


def arrivals(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Every order of up to four; else as written, reversed, and shuffled, with some twice."""
    given = named(events)
    if len(given) <= 4:
        orders = [list(order) for order in itertools.permutations(given)]
        return [*orders, given * 2]
    orders = [given, given[::-1]]
    for seed in range(3):
        shuffled = given + random.Random(seed).choices(given, k=len(given) // 2)
        random.Random(seed + 10).shuffle(shuffled)
        orders.append(shuffled)
    return orders


def resolved(events: list[dict[str, Any]]) -> dict[str, Any]:
    translation = Translation(checked(events), lambda _kind, value: value)
    contacts = resolve(translation.facts, Rules())
    told: dict[str, Any] = json.loads(b"".join(answer(contacts, translation)))
    return told
