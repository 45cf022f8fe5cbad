"""What `gdpr_purge` makes of the protocol: load, decide, save, emit."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from contact_schema.erasure import (
    EraseRecords,
    ErasureRequested,
    ErasureScoped,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from gdpr_purge import domain, store
from gdpr_purge.domain import Case, Step
from gdpr_purge.store import Key
from service_kit.tx import Batch, Received, Tx

SLICE: Final = "gdpr_purge"
SALT_BYTES = 16


async def on_erasure(batch: Batch, tx: Tx, *, time_scale: float) -> None:
    """Requests, scopes and receipts drive the cases; the orders are for its own slice too."""
    driving = [
        received
        for received in batch
        if isinstance(received.body, ErasureRequested | ErasureScoped | SliceFenced | SliceErased)
    ]
    keys = {(received.space, received.body.erasure) for received in driving}
    now = await store.get_now(tx)
    await store.insert_cases(tx, keys)
    cases = await store.lock_cases(tx, keys)
    sent: set[Key] = set()
    for received in driving:
        key = (received.space, received.body.erasure)
        step = domain.advance(cases[key], received.body, now, time_scale)
        cases[key] = await carry_out(tx, step, now, sent, received)
    await store.upsert_receipts(tx, _receipts(driving, cases))
    await store.save_cases(tx, cases.values(), sent)
    _answer_for_own_slice(tx, batch, now)


async def carry_out(
    tx: Tx, step: Step, now: datetime, sent: set[Key], cause: Received[Any] | None
) -> Case:
    """Write the ledger entry that a step asks for, then order what follows. The case as it is."""
    case = step.case
    tx.emit(*step.orders, cause=cause)
    if step.entry is None:
        return case
    number, previous = await store.lock_ledger_head(tx)
    salt = secrets.token_bytes(SALT_BYTES)
    detail = domain.detail_of(case)
    entry = domain.chain(
        number + 1, step.entry, case.erasure, now, domain.detail_hash(detail, salt), previous
    )
    await store.insert_entry(tx, entry, salt, detail)
    begun = domain.entered(case, step.entry, entry.number, now)
    tx.emit(*begun.orders, cause=cause)
    sent.add((case.space, case.erasure))
    return begun.case


async def on_clock(tx: Tx, repeat_seconds: float) -> int:
    """Graces that are over and steps that wait too long; how many."""
    keys = await store.list_due_cases(tx, repeat_seconds)
    if not keys:
        return 0
    await tx.name_spaces(space for space, _ in keys)
    now = await store.get_now(tx)
    cases = await store.lock_cases(tx, keys)
    sent: set[Key] = set()
    for key, case in cases.items():
        step = domain.grace_over(case, now)
        cases[key] = await carry_out(tx, step, now, sent, None)
        if step.entry is None:
            tx.emit(*domain.repeat(case))
            sent.add(key)
    await store.save_cases(tx, cases.values(), sent)
    return len(keys)


def _receipts(
    driving: Iterable[Received[Any]], cases: dict[Key, Case]
) -> Iterable[tuple[SliceFenced | SliceErased, datetime]]:
    """Only those that answer a step of this ledger."""
    for received in driving:
        known = cases[received.space, received.body.erasure]
        match received.body:
            case SliceFenced() as fenced if fenced.ledger_no == known.fence_no:
                yield fenced, received.appended_at
            case SliceErased() as erased if erased.ledger_no == known.erase_no:
                yield erased, erased.at


def _answer_for_own_slice(tx: Tx, batch: Batch, now: datetime) -> None:
    """It takes in nothing of the person, so the fence holds as it is; what it has are the opaque
    ids of the case, which go when the case ends, and the ledger, which stays.
    """
    for received in batch:
        match received.body:
            case FenceRecords() as fence:
                fenced = SliceFenced(
                    space=fence.space,
                    erasure=fence.erasure,
                    slice=SLICE,
                    ledger_no=fence.ledger_no,
                )
                tx.emit(fenced, cause=received)
            case EraseRecords() as order:
                erased = SliceErased(
                    space=order.space,
                    erasure=order.erasure,
                    slice=SLICE,
                    ledger_no=order.ledger_no,
                    at=now,
                )
                tx.emit(erased, cause=received)
