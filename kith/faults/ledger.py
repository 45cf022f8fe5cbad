"""What was sent and what was answered, on disk before anything else is believed."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Outcome = Literal["ok", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Sent:
    """One event: the `number`-th of its person, known everywhere by `marker`, its event id."""

    marker: str
    agent: str
    person: str
    number: int
    late: bool = False
    """It says that it happened hours ago: its place in a timeline is not its place in the order."""


@dataclass
class Ledger:
    """Each line is flushed before the call that it tells of, and after the answer."""

    path: Path
    accepted: dict[str, Sent] = field(default_factory=dict)
    open: dict[str, Sent] = field(default_factory=dict)
    """Sent, and not known to be accepted."""
    erased: dict[str, Sent] = field(default_factory=dict)
    """Accepted of people who were erased: nothing of it may be shown."""
    forgotten: set[str] = field(default_factory=set)
    """The door's schema was restored to before it took them: it may not know them any more."""
    bad_records: int = 0
    """Dead letters that must be there besides: one for each such record and reader."""
    duplicates: int = 0
    """Answers that an event had been there before."""
    unknown: int = 0
    """Calls without an answer."""

    def __post_init__(self) -> None:
        self._file = self.path.open("a", encoding="utf-8")

    def intend(self, events: list[Sent]) -> None:
        self.open |= {event.marker: event for event in events}
        self._write("intent", events)

    def settle(self, events: list[Sent], outcome: Outcome) -> None:
        self._write(outcome, events)
        if outcome == "unknown":
            self.unknown += 1
            return
        for event in events:
            self.open.pop(event.marker, None)
            if outcome == "ok":
                self.accepted[event.marker] = event

    def erase(self, person: str) -> None:
        self.erased |= {m: sent for m, sent in self.accepted.items() if sent.person == person}
        for marker in self.erased:
            self.accepted.pop(marker, None)

    def close(self) -> None:
        self._file.close()

    def _write(self, what: str, events: list[Sent]) -> None:
        markers = [event.marker for event in events]
        self._file.write(json.dumps({"what": what, "events": markers}) + "\n")
        self._file.flush()
        os.fdatasync(self._file.fileno())
