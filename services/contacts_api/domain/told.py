"""What the services told of themselves, round by round: what lag and words are read from. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]
Place = tuple[int, int]
"""First offset that is not applied, and the end of the log."""
Spot = tuple[str, int]
"""Topic and partition."""
KEPT = 180
"""Rounds kept: 15 minutes of 5 s."""


@dataclass(frozen=True, slots=True)
class Stream:
    topic: str
    group: str
    places: Mapping[int, Place]
    seconds: float
    dead_letters: int
    retrying: str | None
    measured_at: float | None
    unaccounted: int = 0
    gaps: int = 0

    @property
    def lag(self) -> int:
        return sum(max(0, end - position) for position, end in self.places.values())


@dataclass(frozen=True, slots=True)
class Told:
    """What a service said of itself."""

    ready: bool
    reasons: tuple[str, ...] = ()
    streams: Mapping[str, Stream] = field(default_factory=dict)
    outbox_rows: int = 0
    outbox_oldest: float = 0.0
    emitted: Mapping[Spot, tuple[int, int | None]] = field(default_factory=dict)
    """Last sequence written, and the end of the log as the broker acknowledged it."""
    applied: Mapping[tuple[str, int, str], int] = field(default_factory=dict)
    """Last sequence applied of each producer."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A service that did not answer. ``gone``: nobody listens at its address."""

    reason: str
    gone: bool = False


@dataclass(frozen=True)
class Round:
    """All services, asked at one time (seconds since 1970)."""

    at: float
    services: Mapping[str, Told | Silent]
    ends: Mapping[Spot, int] = field(default_factory=dict)


History = Sequence[Round]
"""Oldest first."""


def read_told(told: Json) -> Told:
    """The answer of a service's door. Raises KeyError, TypeError or ValueError for another."""
    streams = [_read_stream(stream) for stream in told["streams"]]
    return Told(
        ready=bool(told["ready"]),
        reasons=tuple(str(reason) for reason in told["reasons"]),
        streams={stream.group: stream for stream in streams},
        outbox_rows=int(told["outbox"]["rows"]),
        outbox_oldest=float(told["outbox"]["oldest_seconds"]),
        emitted={
            (topic, partition): (sequence, None if offset is None else offset + 1)
            for topic, partition, sequence, offset in told["emitted"]
        },
        applied={
            (topic, partition, producer): sequence
            for topic, partition, producer, sequence in told["applied"]
        },
    )


def _read_stream(told: Json) -> Stream:
    return Stream(
        topic=told["topic"],
        group=told["group"],
        places={int(p): (place[0], place[1]) for p, place in told["places"].items()},
        seconds=float(told["lag_seconds"]),
        dead_letters=told["dead_letters"],
        retrying=told["retrying"],
        measured_at=told["measured_at"],
        unaccounted=told["unaccounted"],
        gaps=told["gaps"],
    )


def round_of(at: float, services: Mapping[str, Told | Silent]) -> Round:
    """With the ends of all logs, as whoever knows most says: readers, or those who write them."""
    ends: dict[Spot, int] = {}
    for told in services.values():
        if isinstance(told, Told):
            for spot, end in _known_ends(told):
                ends[spot] = max(end, ends.get(spot, 0))
    return Round(at, services, ends)


def _known_ends(told: Told) -> Iterable[tuple[Spot, int]]:
    for stream in told.streams.values():
        for partition, (_, end) in stream.places.items():
            yield (stream.topic, partition), end
    for spot, (_, acknowledged) in told.emitted.items():
        if acknowledged is not None:
            yield spot, acknowledged


def silence(history: History, service: str) -> int:
    """Rounds without an answer, at the end."""
    rounds = 0
    for round_ in reversed(history):
        if isinstance(round_.services.get(service), Told):
            break
        rounds += 1
    return rounds


def last_told(history: History, service: str) -> tuple[float, Told] | None:
    """Its newest answer, and when it came."""
    for round_ in reversed(history):
        told = round_.services.get(service)
        if isinstance(told, Told):
            return round_.at, told
    return None


def samples(history: History, service: str, group: str) -> list[tuple[float, Stream]]:
    """Each look of this group once, oldest first."""
    found: list[tuple[float, Stream]] = []
    for round_ in history:
        told = round_.services.get(service)
        stream = told.streams.get(group) if isinstance(told, Told) else None
        if stream is None or stream.measured_at is None:
            continue
        if not found or found[-1][1].measured_at != stream.measured_at:
            found.append((round_.at, stream))
    return found
