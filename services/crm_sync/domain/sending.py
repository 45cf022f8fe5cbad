"""One round of a sender: what is due becomes calls, what came of them becomes states."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_sync.domain.answers import Exists, Gone, Halted, Item, Later, Outcome, Refused, Written
from crm_sync.domain.links import Link
from crm_sync.domain.profile import (
    KEY_PROPERTY,
    agreed,
    blanks_to_fill,
    differences,
    properties_of,
)
from crm_sync.domain.reasons import SENTENCES, conflicting, refused

TRIES_UNTIL_ERROR = 8
LONGEST_BACKOFF = 3_600.0
FIRST_BACKOFF = 1.0

Base = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class DueLink:
    """A link to be sent, with the values of its contact. ``uncertain``: an earlier attempt with
    the key may have made the record.
    """

    link: Link
    fields: Mapping[str, str] = field(repr=False)
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """Due links by what they need. ``unchanged`` need no call."""

    unchanged: tuple[DueLink, ...] = ()
    updates: tuple[Item, ...] = ()
    link_ups: tuple[DueLink, ...] = ()
    compares: tuple[DueLink, ...] = ()

    @property
    def sent(self) -> int:
        return len(self.updates) + len(self.link_ups) + len(self.compares)


@dataclass(frozen=True, slots=True)
class Settled:
    """A link after its attempt; ``wait`` seconds to the next one, none: not by itself."""

    link: Link
    wait: float | None = None


def plan_round(due: Iterable[DueLink], field_map: Mapping[str, str]) -> Round:
    unchanged, updates, link_ups, compares = [], [], [], []
    for one in due:
        remote_id = one.link.remote_id
        changed = differences(properties_of(one.fields, field_map), one.link.base)
        if remote_id is None:
            link_ups.append(one)
        elif one.link.forced:
            compares.append(one)
        elif changed:
            updates.append(Item(one.link.record, one.link.version, remote_id, changed))
        else:
            unchanged.append(one)
    return Round(tuple(unchanged), tuple(updates), tuple(link_ups), tuple(compares))


def first_push(due: DueLink, field_map: Mapping[str, str]) -> Item:
    """An upsert under the key: only what is there, blanks are nothing to create."""
    properties = properties_of(due.fields, field_map)
    known = {name: value for name, value in properties.items() if value}
    link = due.link
    return Item(link.record, link.version, link.record, {**known, KEY_PROPERTY: link.record})


def adopt(
    due: DueLink, field_map: Mapping[str, str], remote_id: str, remote: Mapping[str, str]
) -> tuple[Item, Base]:
    """Link to a record that was in the CRM before: fill its blanks, leave what it has.

    A remote key of somebody else's stays. Where both have a value and differ, the base keeps both,
    so that the next change in Kith crosses and the present difference does not.
    """
    properties = properties_of(due.fields, field_map)
    ours = {**properties, KEY_PROPERTY: due.link.record}
    seed = {
        name: {"kith": value, "crm": remote.get(name, "")} for name, value in properties.items()
    }
    filled = blanks_to_fill(ours, remote)
    if remote.get(KEY_PROPERTY) == due.link.record:
        # Our own record, read back after an attempt without answer: Kith's values are newer
        filled = {n: v for n, v in properties.items() if v != remote.get(n, "")}
        seed = {name: {"kith": value, "crm": value} for name, value in remote.items()}
    return Item(due.link.record, due.link.version, remote_id, filled), seed


def compare(
    due: DueLink, field_map: Mapping[str, str], remote: Mapping[str, str]
) -> tuple[Item, Base]:
    """A forced re-sync: every mapped field against a fresh read."""
    properties = properties_of(due.fields, field_map)
    wrote = due.link.base
    changed = {
        name: value
        for name, value in properties.items()
        if value != remote.get(name, "") and (value or wrote.get(name, {}).get("kith"))
    }
    seed = agreed(properties, remote)
    link = due.link
    return Item(link.record, link.version, link.remote_id or "", changed), seed


def batches_of(items: Sequence[Item], size: int) -> list[list[Item]]:
    """Batches in order, no two inputs of one with the same address: they would fail it as a
    whole.
    """
    batches: list[tuple[list[Item], set[str]]] = []
    for item in items:
        address = item.properties.get("email", "").strip().lower()
        for batch, addresses in batches:
            if len(batch) < size and (not address or address not in addresses):
                break
        else:
            batch, addresses = [], set()
            batches.append((batch, addresses))
        batch.append(item)
        addresses.add(address)
    return [batch for batch, _ in batches]


def settle(due: DueLink, outcome: Outcome, base: Base, now: datetime, jitter: float) -> Settled:
    """The link after this outcome. ``base``: the base if it was written; ``jitter`` in [0, 1)."""
    link = due.link
    match outcome:
        case Written(remote_id=remote_id):
            synced = replace(
                link,
                remote_id=remote_id,
                key_written=True,
                base=base,
                state="synced",
                reason_code=None,
                reason=None,
                forced=False,
                attempts=0,
                synced_at=now,
            )
            return Settled(synced)
        case Refused(field=name, vendor_code=code):
            return Settled(_told(link, "validation", refused(name, code)))
        case Exists(remote_id=remote_id, contact=contact):
            return Settled(_told(link, "conflict_existing", conflicting(remote_id, contact)))
        case Gone():
            gone = replace(link, remote_id=None, base={}, forced=False, state="not_synced")
            return Settled(
                replace(gone, reason_code="remote_deleted", reason=SENTENCES["remote_deleted"])
            )
        case Halted():
            # The connection tells what is wrong with it; its contacts wait as they are
            return Settled(_waiting(link, "queued"), 0)
        case Later(code=code, wait=wait):
            return _later(link, code, wait, jitter)


def _later(link: Link, code: str, wait: float | None, jitter: float) -> Settled:
    if code == "rate_limited":
        # A limit is nobody's failure: it counts no try
        return Settled(_waiting(link, code), wait or 0)
    tried = replace(link, attempts=link.attempts + 1)
    backoff = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2**link.attempts) * jitter
    pause = max(wait or 0, backoff)
    if tried.attempts >= TRIES_UNTIL_ERROR:
        return Settled(
            replace(
                tried,
                state="error",
                reason_code="vendor_unavailable",
                reason=SENTENCES["not_answered"],
            ),
            pause,
        )
    return Settled(_waiting(tried, code), pause)


def _told(link: Link, code: str, sentence: str) -> Link:
    return replace(link, state="error", reason_code=code, reason=sentence, forced=False)


def _waiting(link: Link, code: str) -> Link:
    if link.state == "error":
        return link
    return replace(link, state="pending", reason_code=code, reason=SENTENCES[code])


def seconds_to_midnight(now: datetime, time_zone: str | None) -> float:
    """When a daily quota is reset: at midnight where the account is."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    local = now.astimezone(zone)
    tomorrow = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1.0, (tomorrow.astimezone(now.tzinfo) - now).total_seconds())
