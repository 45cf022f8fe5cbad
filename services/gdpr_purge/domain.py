"""The state machine of an erasure, and the chain of its ledger. Pure: no clock, no database."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from contact_schema.erasure import (
    SLICES,
    EraseRecords,
    ErasureAdvanced,
    ErasureRequested,
    ErasureScoped,
    FenceRecords,
    Mode,
    Slice,
    SliceErased,
    SliceFenced,
    State,
)

Kind = Literal["fence", "erase"]
Incoming = ErasureRequested | ErasureScoped | SliceFenced | SliceErased
Order = FenceRecords | EraseRecords | ErasureAdvanced
EVERY_SLICE = frozenset(SLICES)
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Request:
    contact: str
    mode: Mode
    grace_days: int
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    records: tuple[str, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One erasure: what is known of it, and how far it is. Request and scope come in any order."""

    space: str
    erasure: str
    state: State = "requested"
    reason: str | None = None
    request: Request | None = None
    scope: Scope | None = None
    fence_no: int | None = None
    erase_no: int | None = None
    fenced_at: datetime | None = None
    due_at: datetime | None = None
    fenced: frozenset[Slice] = frozenset()
    left: Mapping[Slice, int] = field(default_factory=dict)
    """Rows left over, of every slice that has answered `EraseRecords`."""

    @property
    def ended(self) -> bool:
        return self.state in ("erased", "restored", "closed")


@dataclass(frozen=True, slots=True)
class Step:
    """What a message or a deadline leads to. ``entries`` are due in the ledger first: the case
    goes on with their numbers, by `entered`.
    """

    case: Case
    entry: Kind | None = None
    orders: tuple[Order, ...] = ()


def advance(case: Case, message: Incoming, now: datetime, time_scale: float = 1) -> Step:
    """The case after this message. A repeat, or one that comes too late, changes nothing."""
    match message:
        case ErasureRequested():
            if case.request is not None:
                return Step(case)
            request = Request(
                message.contact,
                message.mode,
                message.grace_days,
                message.requested_by,
                message.requested_at,
            )
            return _begun(replace(case, request=request), now)
        case ErasureScoped(blocked=None):
            # A set is fixed once; a second answer after "set changed" is a new try
            if case.scope is not None or case.ended:
                return Step(case)
            scope = Scope(message.records, message.ids)
            return _begun(replace(case, scope=scope, state="requested", reason=None), now)
        case ErasureScoped(blocked=slug):
            if case.scope is not None or case.ended or case.state == "blocked":
                return Step(case)
            return _blocked(case, _blocked_scope(slug or ""), now)
        case SliceFenced():
            return _fenced(case, message, now, time_scale)
        case SliceErased():
            return _erased(case, message, now)


def entered(case: Case, kind: Kind, number: int, now: datetime) -> Step:
    """The ledger holds the step: only now is it ordered."""
    if kind == "fence":
        begun = replace(case, fence_no=number, fenced_at=now)
        return Step(begun, orders=repeat(begun))
    begun = replace(case, erase_no=number, state="erasing", reason=None)
    return Step(begun, orders=(*repeat(begun), _advanced(begun, now)))


def repeat(case: Case) -> tuple[Order, ...]:
    """The step under way, as it was ordered; nothing when none is."""
    if case.ended or case.request is None or case.scope is None:
        return ()
    if case.erase_no is not None:
        order = EraseRecords(
            space=case.space,
            erasure=case.erasure,
            records=case.scope.records,
            ids=case.scope.ids,
            ledger_no=case.erase_no,
        )
        return (order,)
    if case.fence_no is None or case.fenced_at is None or case.fenced >= EVERY_SLICE:
        return ()
    fence = FenceRecords(
        space=case.space,
        erasure=case.erasure,
        records=case.scope.records,
        mode=case.request.mode,
        fenced_at=case.fenced_at,
        ledger_no=case.fence_no,
    )
    return (fence,)


def grace_over(case: Case, now: datetime) -> Step:
    """The deadline of the grace: nothing before it."""
    if case.state != "grace" or case.due_at is None or now < case.due_at:
        return Step(case)
    return Step(case, entry="erase")


def _begun(case: Case, now: datetime) -> Step:
    if case.request is None or case.scope is None or case.fence_no is not None:
        return Step(case)
    return Step(case, entry="fence")


def _fenced(case: Case, message: SliceFenced, now: datetime, time_scale: float) -> Step:
    if case.fence_no is None or message.ledger_no != case.fence_no:
        return Step(case)
    if case.fenced >= EVERY_SLICE or case.ended:
        return Step(case)
    case = replace(case, fenced=case.fenced | {message.slice})
    if not case.fenced >= EVERY_SLICE or case.request is None:
        return Step(case)
    fenced = replace(case, state="fenced", reason=None)
    told = _advanced(fenced, now)
    if case.request.grace_days == 0:
        return Step(fenced, entry="erase", orders=(told,))
    period = timedelta(days=case.request.grace_days) / time_scale
    grace = replace(fenced, state="grace", due_at=case.request.requested_at + period)
    return Step(grace, orders=(told, _advanced(grace, now)))


def _erased(case: Case, message: SliceErased, now: datetime) -> Step:
    if case.erase_no is None or message.ledger_no != case.erase_no or case.ended:
        return Step(case)
    before = case
    case = replace(case, left={**case.left, message.slice: message.left})
    failed = sorted(name for name, left in case.left.items() if left)
    if failed:
        sentence = f"{', '.join(failed)} still hold rows of this person after erasing them."
        if before.state == "blocked" and before.reason == sentence:
            return Step(case)
        return _blocked(case, sentence, now)
    if case.left.keys() >= EVERY_SLICE:
        done = replace(case, state="erased", reason=None)
        return Step(done, orders=(_advanced(done, now),))
    if case.state == "blocked":
        going_on = replace(case, state="erasing", reason=None)
        return Step(going_on, orders=(_advanced(going_on, now),))
    return Step(case)


def _blocked(case: Case, reason: str, now: datetime) -> Step:
    blocked = replace(case, state="blocked", reason=reason)
    return Step(blocked, orders=(_advanced(blocked, now),))


def _blocked_scope(slug: str) -> str:
    return {
        "set-changed": "The contact has changed since the erasure was asked for: look again and"
        " confirm.",
        "not-found": "There is no such contact any more.",
    }.get(slug, f"The records of the contact could not be fixed ({slug}).")


def _advanced(case: Case, now: datetime) -> ErasureAdvanced:
    return ErasureAdvanced(
        space=case.space, erasure=case.erasure, state=case.state, reason=case.reason, at=now
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain. It holds no name and no value, not even of a record."""

    number: int
    kind: str
    erasure: str
    at: datetime
    detail_hash: str
    previous_hash: str
    hash: str


def detail_of(case: Case) -> dict[str, Any]:
    """What an entry stands for: enough to fence or erase again after a restore."""
    assert case.request is not None
    assert case.scope is not None
    return {
        "space": case.space,
        "records": list(case.scope.records),
        "ids": list(case.scope.ids),
        "mode": case.request.mode,
    }


def detail_hash(detail: Mapping[str, Any], salt: bytes) -> str:
    """Salted, so that the chain cannot be used to test a guess once the detail is dropped."""
    canonical = json.dumps(detail, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(salt, canonical, hashlib.sha256).hexdigest()


def chain(
    number: int, kind: str, erasure: str, at: datetime, detail_hash: str, previous_hash: str
) -> Entry:
    """The entry with its own hash over all that stands in it."""
    parts = [number, kind, erasure, at.isoformat(), detail_hash, previous_hash]
    canonical = json.dumps(parts, separators=(",", ":")).encode()
    digest = hashlib.sha256(canonical).hexdigest()
    return Entry(number, kind, erasure, at, detail_hash, previous_hash, digest)


def first_broken(entries: Iterable[Entry], number: int = 0, previous: str = GENESIS) -> int | None:
    """The number at which the chain does not hold, read from the entry after ``number`` on."""
    for entry in entries:
        number += 1
        own = chain(number, entry.kind, entry.erasure, entry.at, entry.detail_hash, previous)
        if entry.number != number or not hmac.compare_digest(own.hash, entry.hash):
            return number
        previous = entry.hash
    return None
