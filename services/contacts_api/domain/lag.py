"""How far behind each stream is, how fast it moves, and whether anything is missing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from contacts_api.domain.lag_words import WINDOW
from contacts_api.domain.told import History, Spot, Stream, Told, samples, silence

ACCEPTED = "contacts.interactions.v1"
SETTLED = 6
"""Rounds after which what was sent must have been applied by a reader without lag."""
AT_REST = 3
"""Rounds without lag after which a reader counts as having none."""


@dataclass(frozen=True, slots=True)
class Lag:
    """``drain`` is None for never at this rate. Rates are messages a second over the window."""

    messages: int
    seconds: float
    drain: float | None
    arriving: float | None
    leaving: float | None


def lag_of(history: History, service: str, group: str, now: float) -> Lag:
    """Of a service that is silent: where it was, against where its logs end by now."""
    seen = samples(history, service, group)
    if not seen:
        return Lag(0, 0.0, None, None, None)
    at, last = seen[-1]
    arriving, leaving = _rates(seen[-WINDOW:])
    if not silence(history, service):
        told = history[-1].services[service]
        assert isinstance(told, Told)
        current = told.streams[group]
        return Lag(
            current.lag, current.seconds, _drain(current.lag, arriving, leaving), arriving, leaving
        )
    messages, oldest = 0, 0.0
    for partition, (position, end) in last.places.items():
        spot = (last.topic, partition)
        missing = max(end, history[-1].ends.get(spot, 0)) - position
        if missing > 0:
            messages += missing
            oldest = max(oldest, now - _passed(history, spot, position, at))
    seconds = max(oldest, last.seconds + now - at if last.lag else 0.0)
    return Lag(messages, seconds, 0.0 if not messages else None, None, None)


def _passed(history: History, spot: Spot, position: int, otherwise: float) -> float:
    """When the log was first seen to go on past this offset."""
    return next((r.at for r in history if r.ends.get(spot, 0) > position), otherwise)


def _rates(seen: Sequence[tuple[float, Stream]]) -> tuple[float | None, float | None]:
    (first_at, first), (last_at, last) = seen[0], seen[-1]
    if last_at <= first_at:
        return None, None
    both = first.places.keys() & last.places.keys()
    arrived = sum(last.places[p][1] - first.places[p][1] for p in both)
    left = sum(last.places[p][0] - first.places[p][0] for p in both)
    return max(0, arrived) / (last_at - first_at), max(0, left) / (last_at - first_at)


def _drain(lag: int, arriving: float | None, leaving: float | None) -> float | None:
    if not lag:
        return 0.0
    if arriving is None or leaving is None or leaving <= arriving:
        return None
    return lag / (leaving - arriving)


def trend(history: History) -> dict[str, list[float | None]]:
    """A value for each round; None where nobody told."""
    shown: dict[str, list[float | None]] = {"lag": [], "dead_letters": [], "accepted": []}
    before: tuple[float, int] | None = None
    for round_ in history:
        told = [told for told in round_.services.values() if isinstance(told, Told)]
        streams = [stream for each in told for stream in each.streams.values()]
        shown["lag"].append(max((stream.seconds for stream in streams), default=None))
        shown["dead_letters"].append(float(sum(s.dead_letters for s in streams)) if told else None)
        end = sum(end for (topic, _), end in round_.ends.items() if topic == ACCEPTED)
        moved = before is not None and end >= before[1] and round_.at > before[0]
        accepted = (end - before[1]) / (round_.at - before[0]) if before and moved else None
        shown["accepted"].append(accepted)
        before = (round_.at, end)
    return shown


def missing(history: History) -> dict[str, int]:
    """By group: places where a reader without lag is not where a producer was long ago.

    Nothing may be lost on the way: what was sent and read is applied, or ended in another named
    way, and the watermark tells.
    """
    found: dict[str, int] = {}
    if len(history) <= SETTLED:
        return found
    before, recent = history[-1 - SETTLED], history[-AT_REST:]
    for service, told in history[-1].services.items():
        if not isinstance(told, Told):
            continue
        groups = {stream.topic: group for group, stream in told.streams.items()}
        found |= dict.fromkeys(groups.values(), 0)
        for (topic, partition, producer), sequence in told.applied.items():
            group, sender = groups.get(topic), before.services.get(producer)
            if group is None or not isinstance(sender, Told):
                continue
            sent = sender.emitted.get((topic, partition))
            settled = _at_rest(recent, service, group, partition, producer)
            if sent is not None and settled and sequence < sent[0]:
                found[group] += 1
    return found


def _at_rest(recent: History, service: str, group: str, partition: int, producer: str) -> bool:
    for round_ in recent:
        reader, sender = round_.services.get(service), round_.services.get(producer)
        if not (isinstance(reader, Told) and isinstance(sender, Told)) or sender.outbox_rows:
            return False
        stream = reader.streams.get(group)
        place = stream.places.get(partition) if stream else None
        if place is None or place[0] < place[1]:
            return False
    return True
