"""One word for each stream and service: is it stopped, and if not, does it get on? Pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from contacts_api.domain.told import (
    History,
    Place,
    Silent,
    Stream,
    Told,
    last_told,
    samples,
    silence,
)

Word = Literal[
    "stopped", "no-data", "rewound", "stalled", "falling-behind", "catching-up", "collecting", "ok"
]
WORST_FIRST: tuple[Word, ...] = (
    "stopped", "no-data", "rewound", "stalled", "falling-behind", "catching-up", "collecting", "ok",
)  # fmt: skip
WINDOW = 10
"""Samples that a word is found in."""
NO_DATA_AFTER = 3
"""Rounds without a sample."""
FORGOTTEN_AFTER = 5
"""Rounds without a sample after which the samples before them say nothing any more."""


def word_of(places: Sequence[Place]) -> Word:
    """One partition, from its samples; the rules in the order in which Burrow has them."""
    window = places[-WINDOW:]
    if len(window) < WINDOW:
        return "collecting"
    lags = [max(0, end - position) for position, end in window]
    positions = [position for position, _ in window]
    if 0 in lags:
        return "ok"
    if any(after < before for before, after in pairwise(positions)):
        return "rewound"
    if positions[0] == positions[-1]:
        return "stalled"
    if all(after >= before for before, after in pairwise(lags)):
        return "falling-behind"
    return "catching-up"


def worst(words: Iterable[Word]) -> Word:
    return min(words, key=WORST_FIRST.index, default="no-data")


def stream_word(history: History, service: str, group: str) -> Word:
    """The word of the worst partition; of a service that is silent, how long it has been so."""
    newest = history[-1].services.get(service)
    if isinstance(newest, Silent) and newest.gone:
        return "stopped"
    quiet = silence(history, service)
    if quiet >= WINDOW:
        return "stopped"
    if quiet >= NO_DATA_AFTER:
        return "no-data"
    seen = samples(history, service, group)
    if not seen:
        return "collecting"
    if _is_stale(history, service, group, quiet) or not seen[-1][1].places:
        return "no-data"
    recent = _since_silence(history, seen)
    return worst(
        word_of([stream.places[p] for stream in recent if p in stream.places])
        for p in recent[-1].places
    )


def _since_silence(history: History, seen: Sequence[tuple[float, Stream]]) -> list[Stream]:
    """What was well before a service fell silent does not make it well after."""
    order = {round_.at: number for number, round_ in enumerate(history)}
    recent: list[Stream] = []
    before: int | None = None
    for at, stream in seen:
        if before is not None and order[at] - before > FORGOTTEN_AFTER:
            recent = []
        recent.append(stream)
        before = order[at]
    return recent


def _is_stale(history: History, service: str, group: str, quiet: int) -> bool:
    """It answers, but its own looks fail: the broker does not answer it."""
    rounds = history[len(history) - quiet - NO_DATA_AFTER - 1 : len(history) - quiet]
    looks = [
        told.streams[group].measured_at
        for told in (round_.services.get(service) for round_ in rounds)
        if isinstance(told, Told) and group in told.streams
    ]
    return len(looks) > NO_DATA_AFTER and len(set(looks)) == 1


def service_word(history: History, service: str) -> Word:
    newest = history[-1].services.get(service)
    told = last_told(history, service)
    if isinstance(newest, Silent) and newest.gone:
        return "stopped"
    if told is None:
        return "stopped" if len(history) >= WINDOW else "no-data"
    return worst(stream_word(history, service, group) for group in told[1].streams)
