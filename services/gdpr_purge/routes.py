"""The internal door: how far an erasure is, and the ledger, read only."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from gdpr_purge import store
from service_kit.http import require_service_token
from service_kit.problems import Problem

router = APIRouter(prefix="/internal/v1", dependencies=[Depends(require_service_token)])

Space = Annotated[str, Query(min_length=1, max_length=200)]
After = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/erasures/{erasure}")
async def get_erasure(erasure: str, space: Space, request: Request) -> dict[str, Any]:
    async with request.app.state.runtime.transaction([space]) as tx:
        row = await store.get_case(tx, space, erasure)
        receipts = await store.find_receipts(tx, [(space, erasure)])
    if row is None:
        raise Problem(404, "not-found", "There is no such erasure in this space")
    return {
        "id": row["erasure"],
        "space": space,
        **{name: row[name] for name in ("contact", "state", "reason", "mode", "grace_days")},
        **{name: row[name] for name in ("requested_by", "requested_at", "due_at", "changed_at")},
        "ledger": {"fence": row["fence_no"], "erase": row["erase_no"]},
        "receipts": [
            {
                "step": receipt["step"],
                "slice": receipt["slice"],
                "counts": store.decode(receipt["counts"]),
                "expires": store.decode(receipt["expires"]),
                "left": receipt["left_over"],
                "at": receipt["at"],
            }
            for receipt in receipts
        ],
    }


@router.get("/ledger")
async def get_ledger(request: Request, after: After = 0, limit: Limit = 100) -> dict[str, Any]:
    """Entries above ``after``, in order, each with its detail while that is kept."""
    async with request.app.state.runtime.transaction() as tx:
        entries = await store.list_entries(tx, after, limit)
    return {
        "data": [
            {
                "number": entry.number,
                "kind": entry.kind,
                "erasure": entry.erasure,
                "at": entry.at,
                "detail_hash": entry.detail_hash,
                "previous_hash": entry.previous_hash,
                "hash": entry.hash,
                "detail": detail,
            }
            for entry, detail in entries
        ],
        "has_more": len(entries) == limit,
    }
