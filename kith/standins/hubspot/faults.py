"""Bad days: by script (each once or several times) or by seed (a share of the calls)."""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

When = Literal["instead", "before", "after"]
WRITES = ("/batch/create", "/batch/update", "/batch/upsert")
BATCH_ONLY = ("missing_rows", "reordered", "refuse_one")


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    ``name``: a status (``"500"``), ``"429:DAILY"`` with its policy, ``"hang"`` (no answer,
    nothing done), ``"hang_after"`` (done, no answer), ``"drop_after"`` (done, answered 502), or a
    batch's ``"missing_rows"``, ``"reordered"``, ``"refuse_one"``.
    """

    name: str
    retry_after: float | None = None
    path: str = ""
    seconds: float = 30

    @property
    def status(self) -> int | None:
        head = self.name.partition(":")[0]
        return int(head) if head.isdigit() else None

    @property
    def policy(self) -> str:
        return self.name.partition(":")[2] or "TEN_SECONDLY_ROLLING"


SEEDED = (
    Fault("500"),
    Fault("502"),
    Fault("503"),
    Fault("429:TEN_SECONDLY_ROLLING", retry_after=1),
    Fault("423"),
    Fault("drop_after"),
    Fault("missing_rows"),
    Fault("reordered"),
)


@dataclass
class Faults:
    seed: int = 0
    rate: float = 0.0
    latency: float = 0.0
    multi_status: bool = False
    """Batch calls answer 207 and name the bad inputs, instead of failing as a whole."""
    revoked: bool = False
    scripted: deque[Fault] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def next(self, path: str) -> Fault | None:
        """The fault of this call, scripted ones first; each waits for a call that it fits."""
        for fault in self.scripted:
            if fault.path in path and _fits(fault, path):
                self.scripted.remove(fault)
                return fault
        if self._random.random() >= self.rate:
            return None
        fault = self._random.choice(SEEDED)
        return fault if _fits(fault, path) else None

    def control(self, order: Mapping[str, Any]) -> None:
        """Apply the body of ``POST /_control``."""
        for item in order.get("fail", ()):
            fault = Fault(
                str(item["fault"]),
                item.get("retry_after"),
                item.get("path", ""),
                float(item.get("seconds", 30)),
            )
            self.scripted.extend([fault] * int(item.get("times", 1)))
        self.latency = float(order.get("latency", self.latency))
        self.rate = float(order.get("rate", self.rate))
        self.multi_status = bool(order.get("multi_status", self.multi_status))
        self.revoked = bool(order.get("revoked", self.revoked))
        if order.get("calm"):
            self.scripted.clear()
            self.latency, self.rate, self.revoked = 0.0, 0.0, False


def _fits(fault: Fault, path: str) -> bool:
    if fault.name == "refuse_one":
        return path.endswith(WRITES)
    return fault.name not in BATCH_ONLY or "/batch/" in path
