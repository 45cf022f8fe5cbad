"""Every message ends in one of four ways, and each is counted: nothing goes silently."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from service_kit import metrics
from service_kit.dead_letters import Letter
from service_kit.topics import Topic
from service_kit.tx import Received, Tx
from service_kit.watermarks import Sifted

_log = structlog.get_logger()
OTHERS = "redriven-for-others"
"""What a message counts as that was sent again for another group."""


@dataclass
class Fates:
    """What became of one batch."""

    taken: int
    """Records as they came."""
    received: Sequence[Received[Any]]
    letters: list[Letter]
    ignored: Counter[str]
    sifted: Sifted


@dataclass
class Account:
    """Counts for one stream of one service."""

    group: str
    topic: Topic
    service: str
    _warned: set[str] = field(default_factory=set)
    _unaccounted: int = 0

    def __post_init__(self) -> None:
        """A series that begins at its first increase hides that increase."""
        for name in ("messages.gaps", "messages.suppressed"):
            metrics.count(name, 0, stream=self.group)
        metrics.gauge("messages.unaccounted", 0, stream=self.group)

    def settle(self, fates: Fates, tx: Tx) -> None:
        """After the commit: what was rolled back comes again and is counted then."""
        ended = {id(r) for r, _ in tx.rejected} | {id(r) for r in tx.suppressed}
        applied = Counter(r.type for r in fates.received if id(r) not in ended)
        for type_, n in applied.items():
            metrics.count("messages.applied", n, stream=self.group, type=type_)
        slugs = [letter.slug for letter in fates.letters] + [slug for _, slug in tx.rejected]
        for slug, n in Counter(slugs).items():
            metrics.count("messages.rejected", n, stream=self.group, slug=slug)
            _log.warning("message.rejected", group=self.group, slug=slug, messages=n)
        for type_, n in fates.ignored.items():
            metrics.count("messages.ignored", n, stream=self.group, type=type_)
            self._warn_if_unread(type_)
        if tx.suppressed:
            metrics.count("messages.suppressed", len(tx.suppressed), stream=self.group)
        if fates.sifted.repeated:
            metrics.count("messages.repeated", fates.sifted.repeated, stream=self.group)
        if fates.sifted.skipped:
            metrics.count("messages.gaps", fates.sifted.skipped, stream=self.group)
        self._balance(fates, sum(applied.values()) + len(slugs) + len(tx.suppressed))
        _log.debug("batch.applied", group=self.group, messages=len(fates.received))

    def _balance(self, fates: Fates, ended: int) -> None:
        sifted = fates.sifted.repeated + fates.sifted.skipped
        self._unaccounted += fates.taken - ended - fates.ignored.total() - sifted
        metrics.gauge("messages.unaccounted", self._unaccounted, stream=self.group)

    def _warn_if_unread(self, type_: str) -> None:
        """Deployed after its producer, a consumer would pass over what it is to read."""
        route = self.topic.messages.get(type_)
        if type_ == OTHERS or type_ in self._warned:
            return
        if route is None or self.service in route.readers:
            self._warned.add(type_)
            _log.warning("message.unread", group=self.group, type=type_)
