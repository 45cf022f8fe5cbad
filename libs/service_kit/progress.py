"""How far a reader is in each partition, and the age of the oldest record it has not applied."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service_kit.dead_letters import Raw


@dataclass
class Progress:
    """What is at hand counts as not applied, however often it is tried again. Times in seconds
    since 1970."""

    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By partition: the first offset that is not applied, and where the log ends."""
    measured_at: float | None = None
    """When the places were looked at; None before the first look."""
    _at_hand: dict[int, Raw] = field(default_factory=dict)
    _last: float = 0.0
    _at_end: float = 0.0

    @property
    def lag(self) -> int:
        return sum(max(0, end - position) for position, end in self.places.values())

    def begin(self, raws: Sequence[Raw]) -> None:
        for raw in raws:
            self._at_hand.setdefault(raw.partition, raw)
        self._last = min(raw.timestamp for raw in raws) / 1000

    def end(self) -> None:
        self._at_hand.clear()

    def measure(self, places: dict[int, tuple[int, int]], now: float) -> None:
        """`places` by partition: what the client reads next, and where the log ends."""
        at_hand = {p: raw.offset for p, raw in self._at_hand.items()}
        self.places = {
            partition: (min(position, at_hand.get(partition, position)), end)
            for partition, (position, end) in places.items()
        }
        self.measured_at = now
        if not self.lag:
            self._at_end = now

    def seconds(self, now: float) -> float:
        """Exact for what is at hand. Else the least that is known: the oldest unread record came
        after the last batch and after the last look that found none."""
        if self._at_hand:
            return max(0.0, now - min(raw.timestamp for raw in self._at_hand.values()) / 1000)
        if not self.lag:
            return 0.0
        return max(0.0, now - max(self._last, self._at_end))
