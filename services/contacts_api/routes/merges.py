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


@router.get("/contacts/{contact}/merge-preview", response_model=None)
async def preview_merge(call: Caller, contact: str) -> Response:
    """What a merge with `into` would do, field by field, and what stands in its way."""
    given = parameters(call.request, "into", "survivor")
    preview = await actions.preview_merge(
        call.state,
        call.principal,
        contact,
        given.get("into", [""])[0],
        given.get("survivor", [None])[0],
    )
    return ok(call, preview)


@router.get("/contacts/{contact}/why", response_model=None)
async def explain(call: Caller, contact: str) -> Response:
    """Why this is one contact; with `other`, why these two are one or not."""
    given = parameters(call.request, "other", many=("without",))
    found = await actions.explain(
        call.state,
        call.principal,
        contact,
        other=given.get("other", [None])[0],
        without=given.get("without", ()),
    )
    return ok(call, found)


@router.get("/contacts/{contact}/suggestions", response_model=None)
async def list_suggestions(call: Caller, contact: str) -> Response:
    """Contacts that may be the same person, with reasons, best first."""
    parameters(call.request)
    return ok(call, await actions.list_suggestions(call.state, call.principal, contact))


@router.post(
    "/contacts/{contact}/suggestions/{suggestion}/dismiss", response_model=None, status_code=204
)
async def dismiss_suggestion(call: Caller, contact: str, suggestion: str) -> Response:
    """These two are not one person: remembered, also after either of them is merged."""
    parameters(call.request)

    async def run(_: str | None) -> Answer:
        await actions.dismiss_suggestion(call.state, call.principal, contact, suggestion)
        return Answer(204, None)

    return await run_once(call, b"", run)


@router.get("/contacts/{contact}/merges", response_model=None)
async def list_merges(call: Caller, contact: str) -> Response:
    """The journal of every id that this contact has or had."""
    page = page_of(parameters(call.request, "cursor", "limit"))
    return ok(call, await actions.list_merges(call.state, call.principal, contact, **page))


@router.get("/merges/{merge}/undo-preview", response_model=None)
async def preview_undo(call: Caller, merge: str) -> Response:
    """The contacts that an undo would leave, and who would keep what they share."""
    parameters(call.request)
    return ok(call, await actions.preview_undo(call.state, call.principal, merge))


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
