"""Merges and their undo."""

from fastapi import APIRouter
from fastapi.responses import Response

from contacts_api import actions
from contacts_api.routes.documents import MERGE, PROBLEMS
from contacts_api.routes.door import (
    Answer,
    Caller,
    answer_of,
    ok,
    only,
    page_of,
    parameters,
    read_json,
)
from contacts_api.routes.once import run_once

router = APIRouter(prefix="/v1", responses=PROBLEMS, tags=["merges"])


@router.post("/contacts/{contact}/merge", response_model=None, openapi_extra=MERGE)
async def merge_contacts(call: Caller, contact: str) -> Response:
    """Make both one person; the survivor keeps its id, the other one redirects."""
    parameters(call.request)
    raw, body = await read_json(call.request)

    async def run(_: str | None) -> Answer:
        end = await actions.merge_contacts(call.state, call.principal, contact, body)
        return answer_of("merge", end)

    return await run_once(call, raw, run)


@router.get("/contacts/{contact}/merges", response_model=None)
async def list_merges(call: Caller, contact: str) -> Response:
    """The journal of every id that this contact has or had."""
    page = page_of(parameters(call.request, "cursor", "limit"))
    return ok(call, await actions.list_merges(call.state, call.principal, contact, **page))


@router.post("/merges/{merge}/undo", response_model=None)
async def undo_merge(call: Caller, merge: str) -> Response:
    """Both contacts as they were before."""
    parameters(call.request)
    raw, body = await read_json(call.request) if await _has_body(call) else (b"", {})
    only(body, "owners")

    async def run(_: str | None) -> Answer:
        end = await actions.undo_merge(call.state, call.principal, merge, body)
        return answer_of("undo", end)

    return await run_once(call, raw, run)


async def _has_body(call: Caller) -> bool:
    headers = call.request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
