"""Rate limits in process: a token bucket for each key, forgotten once it is full again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """`retry_after` is in seconds, 0 when allowed; `remaining` are whole tokens left."""

    allowed: bool
    retry_after: float
    remaining: int
    limit: int
    window: int

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit headers for every answer, with Retry-After where it was refused."""
        reset = max(1, round(self.retry_after)) if not self.allowed else self.window
        shown = {
            "RateLimit": f'"default";r={self.remaining};t={reset}',
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window}',
        }
        if not self.allowed:
            shown["Retry-After"] = str(max(1, -(-int(self.retry_after * 1000) // 1000)))
        return shown


class TokenBucket:
    """`rate` tokens a second and key, up to `burst` at once; at most `keys` keys are remembered."""

    def __init__(self, rate: float, burst: float | None = None, keys: int = 100_000) -> None:
        self.rate = rate
        self.burst = burst if burst is not None else rate
        self._keys = keys
        self._levels: dict[str, tuple[float, float]] = {}

    def take(
        self,
        key: str,
        n: int,
        now: float,
        *,
        rate: float | None = None,
        burst: float | None = None,
    ) -> Verdict:
        """Take `n` tokens at `now` (monotonic seconds). Takes nothing when it refuses.

        A call may ask for more than the burst: it is let through when the bucket is full, and the
        bucket goes into debt. `rate` and `burst` override for keys with limits of their own.
        """
        rate = rate or self.rate
        burst = burst or (self.burst if rate == self.rate else rate)
        level, since = self._levels.pop(key, (burst, now))
        level = min(burst, level + (now - since) * rate)
        need = min(n, burst)
        allowed = level >= need
        if allowed:
            level -= n
        self._levels[key] = (level, now)
        if len(self._levels) > self._keys:
            self._forget()
        wait = 0.0 if allowed else (need - level) / rate
        return Verdict(allowed, wait, max(0, int(level)), int(burst), max(1, round(burst / rate)))

    def _forget(self) -> None:
        """Drop the keys that were used longest ago: insertion order is order of use."""
        for key in list(self._levels)[: self._keys // 10]:
            del self._levels[key]
