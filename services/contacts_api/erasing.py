"""This service's part in every erasure: hide, fence, erase, and keep what the others answered."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import orjson

from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    ErasureRequested,
    ErasureScoped,
    Expiry,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contacts_api.domain.contact_rows import Row
from contacts_api.domain.erasure_view import COUNTED
from contacts_api.store import contacts, erasures
from service_kit.tx import Batch, Received, Tx

SLICE: Final = "contacts_api"
OUTBOX_KEPT: Final = timedelta(days=7)


async def on_erasure(batch: Batch, tx: Tx) -> None:
    """This service's part in every erasure, and what the other slices answered."""
    await contacts.lock_spaces(tx, {received.space for received in batch})
    for received in batch:  # a handful a day: steps of one erasure must stay in their order
        match received.body:
            case ErasureRequested() as asked:
                await _remember(tx, asked)
            case ErasureScoped() as scoped:
                await _scope(tx, scoped, received)
            case FenceRecords() as fence:
                await _fence(tx, fence, received)
            case EraseRecords() as erase:
                await _erase(tx, erase, received)
            case SliceFenced() as fenced:
                await erasures.upsert_fenced_receipts(
                    tx, [(fenced.space, fenced.erasure, fenced.slice, received.appended_at)]
                )
            case SliceErased() as erased:
                await erasures.upsert_erased_receipts(tx, [_receipt_row(erased)])
            case ErasureAdvanced() as advanced:
                await erasures.mark_erasures(
                    tx,
                    [
                        (
                            advanced.space,
                            advanced.erasure,
                            advanced.state,
                            advanced.reason,
                            advanced.at,
                        )
                    ],
                )


async def _remember(tx: Tx, asked: ErasureRequested) -> None:
    """It was written here before it was sent, unless these tables are a backup from before that."""
    terms = (asked.mode, asked.grace_days, None)
    requested = (asked.requested_by, asked.requested_at)
    place = (asked.space, asked.erasure)
    if await erasures.insert_erasure(tx, place, asked.contact, terms, requested):
        await erasures.hide_contact(tx, asked.space, asked.contact, asked.erasure)


async def _scope(tx: Tx, scoped: ErasureScoped, received: Received[Any]) -> None:
    if scoped.blocked is not None:
        await erasures.show_contacts(tx, [(scoped.space, scoped.erasure)])
        await erasures.mark_erasures(
            tx,
            [(scoped.space, scoped.erasure, "blocked", scoped.blocked, received.appended_at)],
        )
        return
    await _hide(tx, scoped.space, scoped.records, scoped.erasure)
    await erasures.insert_fences_of_ids(
        tx, [(scoped.space, id_, scoped.erasure) for id_ in scoped.ids]
    )


async def _fence(tx: Tx, fence: FenceRecords, received: Received[Any]) -> None:
    await _hide(tx, fence.space, fence.records, fence.erasure)
    tx.emit(
        SliceFenced(
            space=fence.space, erasure=fence.erasure, slice=SLICE, ledger_no=fence.ledger_no
        ),
        cause=received,
    )


async def _hide(tx: Tx, space: str, records: Sequence[str], erasure: str) -> None:
    await erasures.insert_fences(tx, [(space, record, erasure) for record in records])
    await erasures.drop_fenced(tx, [(space, record) for record in records])


async def _erase(tx: Tx, erase: EraseRecords, received: Received[Any]) -> None:
    before = await erasures.find_receipt(tx, erase.space, erase.erasure, SLICE)
    await _hide(tx, erase.space, erase.records, erase.erasure)
    gone = await erasures.erase_records(tx, erase.space, erase.records, erase.ids)
    await erasures.insert_fences_of_ids(
        tx, [(erase.space, id_, erase.erasure) for id_ in erase.ids]
    )
    left = await erasures.count_left(tx, erase.space, erase.records)
    receipt = SliceErased(
        space=erase.space,
        erasure=erase.erasure,
        slice=SLICE,
        ledger_no=erase.ledger_no,
        # A second run finds nothing; what the first one deleted is what is proven.
        counts=orjson.loads(before["counts"]) if before else {n: gone[n] for n in COUNTED},
        expires=(Expiry(store="outbox", by=received.appended_at + OUTBOX_KEPT),),
        left=left,
        at=received.appended_at,
    )
    await erasures.upsert_erased_receipts(tx, [_receipt_row(receipt)])
    tx.emit(receipt, cause=received)


def _receipt_row(receipt: SliceErased) -> Row:
    return {
        "space": receipt.space,
        "erasure": receipt.erasure,
        "slice": receipt.slice,
        "erased_at": receipt.at,
        "counts": receipt.counts,
        "expires": [expiry.model_dump(mode="json") for expiry in receipt.expires],
        "remaining": receipt.left,
    }
