"""What is true of this process: alive, ready, and if not, why."""

import asyncio
import time
from typing import Any

from service_kit import metrics

STOPPED, STUCK = 70, 75
"""Exit codes: something unforeseen, and no progress for minutes."""


class Health:
    """Reasons keep a service from being ready; notes are told but do not."""

    def __init__(self) -> None:
        self.draining = False
        self.fatal: str | None = None
        self.exit_code = 0
        self._reasons: dict[str, str] = {"start": "starting"}
        self._notes: dict[str, str] = {}
        self._ticked = time.monotonic()
        self.must_end = asyncio.Event()

    def unready(self, key: str, reason: str) -> None:
        self._reasons[key] = reason

    def ready(self, key: str) -> None:
        self._reasons.pop(key, None)

    def note(self, key: str, text: str | None) -> None:
        """`None` takes it back."""
        if text is None:
            self._notes.pop(key, None)
        else:
            self._notes[key] = text

    def end(self, cause: str, code: int) -> None:
        """The process is to end loudly. The first cause counts."""
        if self.fatal is None:
            self.fatal, self.exit_code = cause, code
        self.must_end.set()

    @property
    def reasons(self) -> list[str]:
        ended = [f"stopped: {self.fatal}"] if self.fatal else []
        draining = ["draining"] if self.draining else []
        return [*ended, *draining, *self._reasons.values()]

    @property
    def notes(self) -> list[str]:
        return list(self._notes.values())

    @property
    def alive(self) -> bool:
        """The loop ticked in the last 30 s and nothing fatal happened."""
        return self.fatal is None and time.monotonic() - self._ticked < 30

    async def tick(self) -> None:
        """Runs for as long as the process: measures how long others keep the loop."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.5)
            self._ticked = time.monotonic()
            metrics.gauge("loop.delay_seconds", max(0.0, self._ticked - before - 0.5))

    def report(self) -> dict[str, Any]:
        reasons = self.reasons
        metrics.gauge("service.ready", 0 if reasons else 1)
        return {"ready": not reasons, "reasons": reasons, "notes": self.notes}
