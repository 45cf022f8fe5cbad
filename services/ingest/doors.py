"""What the HTTP doors share: who is asked, how much is taken, and how the events of a body end."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from contact_schema.records import space_key
from ingest.accepting import Acceptor
from ingest.domain import Arrival
from ingest.events import Rejection
from ingest.keys import Found, Keys
from ingest.reading import read_item
from service_kit import metrics
from service_kit.bodies import unkeepable
from service_kit.limits import TokenBucket, Verdict
from service_kit.problems import Problem

_VOID: Final = Rejection("bad-signature", "The identify before it was refused.")


@dataclass(frozen=True)
class Doors:
    """The state of the service's routes."""

    keys: Keys
    acceptor: Acceptor
    secret: str
    limits_multiplier: float
    of_keys: TokenBucket = field(default_factory=lambda: TokenBucket(2_000))
    of_sessions: TokenBucket = field(default_factory=lambda: TokenBucket(20))
    of_addresses: TokenBucket = field(default_factory=lambda: TokenBucket(200))

    def take_of_key(self, found: Found, events: int) -> Verdict:
        limits, factor = found.limits(self.limits_multiplier)
        return _take(self.of_keys, found.key.id, events, limits.events_per_key * factor)

    def take_of_visitor(self, found: Found, address: str, sessions: Mapping[str, int]) -> Verdict:
        """The events of a widget's request, by the visitor's address and by session."""
        limits, factor = found.limits(self.limits_multiplier)
        key, rate = found.key.id, limits.widget_per_session * factor
        verdict = _take(
            self.of_addresses,
            f"{key}:{address}",
            sum(sessions.values()),
            limits.widget_per_address * factor,
        )
        for session, events in sessions.items():
            if verdict.allowed:
                verdict = _take(self.of_sessions, f"{key}:{session}", events, rate)
        return verdict

    async def accept(
        self, found: Found, items: Sequence[Any], *, suspicious: bool = True, large: bool = True
    ) -> "Outcome":
        """Accept what is well formed; the answer comes after the commit. See `read_item`."""
        now = datetime.now(UTC)
        key = space_key(self.secret, found.agent.space)
        blocked = found.agent.policies.blocked_values
        arrivals, places, rejected = [], [], []
        for index, item in enumerate(items):
            event = read_item(item, now, blocked, suspicious=suspicious, large=large)
            if isinstance(event, Rejection):
                rejected.append(_refusal(index, item, event))
                metrics.count("events.refused", slug=event.code)
            else:
                arrivals.append(Arrival(found.agent, key, found.rights, event))
                places.append(index)
        accepted = await self.acceptor.accept(arrivals)
        void = [place for place, out in zip(places, accepted.rejected, strict=True) if out]
        rejected += [_refusal(place, items[place], _VOID) for place in void]
        rejected.sort(key=lambda refusal: refusal["index"])
        duplicates = sum(accepted.duplicates)
        return Outcome(len(arrivals) - duplicates - len(void), duplicates, rejected)


@dataclass(frozen=True)
class Outcome:
    """Counts of one request. Events of an erased person count as accepted: nobody is told."""

    accepted: int
    duplicates: int
    rejected: Sequence[Mapping[str, Any]]

    def document(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": list(self.rejected),
        }


def _take(buckets: TokenBucket, key: str, events: int, rate: float) -> Verdict:
    return buckets.take(key, events, time.monotonic(), rate=rate)


def refuse_when_limited(verdict: Verdict) -> None:
    if not verdict.allowed:
        raise Problem(
            429,
            "rate-limited",
            "Too many events in a short time.",
            hint="Send them again with the same event ids after the time in Retry-After.",
            headers=verdict.headers,
        )


def _refusal(index: int, item: Any, rejection: Rejection) -> dict[str, Any]:
    refusal: dict[str, Any] = {"index": index}
    given = item.get("event_id") if isinstance(item, dict) else None
    if isinstance(given, str) and 1 <= len(given) <= 128 and unkeepable(given) is None:
        refusal["event_id"] = given
    refusal["code"] = rejection.code
    if rejection.field is not None:
        refusal["field"] = rejection.field
    return {**refusal, "detail": rejection.detail}
