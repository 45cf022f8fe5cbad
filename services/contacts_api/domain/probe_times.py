"""How long the probes of the last 15 minutes took. Pure."""

from collections import deque
from typing import Any

KEPT_SECONDS = 900.0


class ProbeTimes:
    """Seconds each, None for one that was lost."""

    def __init__(self) -> None:
        self._times: deque[tuple[float, float | None]] = deque()
        self.sent = 0
        """Since the process began."""

    def keep(self, now: float, seconds: float | None) -> None:
        self._times.append((now, seconds))
        while self._times[0][0] < now - KEPT_SECONDS:
            self._times.popleft()

    def figures(self) -> dict[str, Any]:
        """Milliseconds; None where nothing was measured."""
        times = [seconds for _, seconds in self._times]
        seen = sorted(seconds for seconds in times if seconds is not None)
        return {
            "sent": len(times),
            "lost": len(times) - len(seen),
            "p50_ms": _share(seen, 0.5),
            "p95_ms": _share(seen, 0.95),
        }


def _share(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    at = min(len(ordered) - 1, int(share * len(ordered)))
    return round(ordered[at] * 1000, 1)
