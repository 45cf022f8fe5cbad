"""HubSpot's two limits: a rolling window of ten seconds and the calls of a day."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class CallLimits:
    per_window: int = 100
    window_seconds: float = 10
    per_day: int = 250_000
    _calls: deque[float] = field(default_factory=deque)
    _today: int = 0

    def take(self, now: float) -> str | None:
        """Count one call at this (monotonic) second; the policy's name when it is one too many."""
        while self._calls and self._calls[0] <= now - self.window_seconds:
            self._calls.popleft()
        if self._today >= self.per_day:
            return "DAILY"
        if len(self._calls) >= self.per_window:
            return "TEN_SECONDLY_ROLLING"
        self._calls.append(now)
        self._today += 1
        return None

    def headers(self) -> dict[str, str]:
        return {
            "X-HubSpot-RateLimit-Max": str(self.per_window),
            "X-HubSpot-RateLimit-Remaining": str(max(0, self.per_window - len(self._calls))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(self.window_seconds * 1000)),
            "X-HubSpot-RateLimit-Daily": str(self.per_day),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.per_day - self._today)),
        }
