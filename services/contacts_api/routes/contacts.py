"""`/v1/contacts`: the list, one contact, writes, and what became of them."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from contacts_api import actions
from contacts_api.actions.outcomes import Written
from contacts_api.actions.reading import unprocessable, wrong_parameter
from contacts_api.domain.invalid import InvalidError
from contacts_api.domain.list_query import ListQuery, parse_list_query
from contacts_api.routes.documents import BATCH, CONTACT, PROBLEMS, WRITES
from contacts_api.routes.door import (
    MAX_BATCH_BYTES,
    Answer,
    Call,
    Caller,
    answer_of,
    expected_version,
    ok,
    parameters,
    read_json,
    respond,
)
from contacts_api.routes.once import run_once
from service_kit.problems import FieldError, Problem

router = APIRouter(prefix="/v1", responses=PROBLEMS, tags=["contacts"])
MAX_BATCH = 1_000


def list_query(call: Call) -> ListQuery:
    try:
        return parse_list_query(call.request.query_params.multi_items(), call.principal.region)
    except InvalidError as error:
        raise unprocessable(error) from None


@router.get("/contacts", response_model=None)
async def list_contacts(call: Caller) -> Response:
    """A page of contacts. Filters, sort and fields as the guide has them; any other is 422."""
    query = list_query(call)
    return ok(call, await actions.list_contacts(call.state, call.principal, query))


@router.post("/contacts", response_model=None, openapi_extra=CONTACT, responses=WRITES)
async def create_contact(call: Caller) -> Response:
    """Create (201), or update by `external_id` (200). Safe to repeat."""
    parameters(call.request)
    raw, body = await read_json(call.request)

    async def run(once: str | None) -> Answer:
        written = await actions.create_contact(
            call.state,
            call.principal,
            body,
            expected_version=expected_version(call.request),
            once=once,
        )
        return answer_of("create", written)

    return await run_once(call, raw, run)


@router.post("/contacts/batch", response_model=None, openapi_extra=BATCH)
async def create_contacts(call: Caller) -> Response:
    """Up to 1,000 contacts, a result for each; a bad one sinks no other."""
    parameters(call.request)
    raw, body = await read_json(call.request, MAX_BATCH_BYTES)
    rows = _rows(body)

    async def run(once: str | None) -> Answer:
        ends = await actions.create_contacts(call.state, call.principal, rows, once=once)
        request_id = call.request.scope.get("request_id", "")
        return Answer(200, _summary([_result(i, e, request_id) for i, e in enumerate(ends)]))

    return await run_once(call, raw, run)


def _rows(body: Any) -> list[Any]:
    rows = body.get("contacts") if isinstance(body, dict) and set(body) == {"contacts"} else body
    if not isinstance(rows, list):
        error = FieldError("/contacts", "invalid", "Must be a list of contacts.")
        raise Problem(422, "invalid", "Some fields are not valid.", errors=[error])
    if len(rows) > MAX_BATCH:
        raise Problem(413, "too-large", f"At most {MAX_BATCH} contacts at once.")
    return rows


def _result(index: int, end: Written | Problem, request_id: str) -> dict[str, Any]:
    if isinstance(end, Problem):
        return {"index": index, "status": "failed", "problem": end.document(request_id)}
    if end.outcome == "pending":
        return {
            "index": index,
            "status": "pending",
            "command_id": end.command,
            "status_url": end.status_url,
        }
    outranked = {"outranked": list(end.outranked)} if end.outranked else {}
    return {"index": index, "status": end.outcome, "contact": end.contact, **outranked}


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    states = ("created", "updated", "unchanged", "failed", "pending")
    counts = {state: sum(r["status"] == state for r in results) for state in states}
    return {"results": results, **counts}


@router.get("/contacts/{contact}", response_model=None)
async def get_contact(call: Caller, contact: str) -> Response:
    """One contact. A merged id: 307 to the survivor; an erased one: 410."""
    parameters(call.request)
    return ok(call, await actions.get_contact(call.state, call.principal, contact))


@router.patch("/contacts/{contact}", response_model=None, openapi_extra=CONTACT)
async def edit_contact(call: Caller, contact: str) -> Response:
    """Change sent fields only; `If-Match` with a stale version: 412."""
    parameters(call.request)
    _, body = await read_json(call.request)
    written = await actions.edit_contact(
        call.state,
        call.principal,
        contact,
        body,
        expected_version=expected_version(call.request),
    )
    return respond(call, answer_of("edit", written))


@router.delete("/contacts/{contact}", response_model=None, status_code=202)
async def erase_contact(call: Caller, contact: str) -> Response:
    """Start an erasure: hidden at once. On a merged id: 409 with the survivor."""
    given = parameters(call.request, "mode", "grace_days", "reason")
    days = given.get("grace_days", [None])[0]
    if days is not None and not (days.isascii() and days.isdigit() and len(days) <= 3):
        raise wrong_parameter("grace_days", "A number of days.")
    started = await actions.erase_contact(
        call.state,
        call.principal,
        contact,
        mode=given.get("mode", ["erase"])[0],
        grace_days=None if days is None else int(days),
        reason=given.get("reason", [None])[0],
    )
    return respond(call, Answer(202, started, location=f"/v1/erasures/{started['id']}"))


@router.post("/contacts/{contact}/verification/revoke", response_model=None, responses=WRITES)
async def revoke_verification(call: Caller, contact: str) -> Response:
    """Proofs so far no longer count: a hash of before verifies nobody, a newer token does."""
    parameters(call.request)

    async def run(_: str | None) -> Answer:
        end = await actions.revoke_verification(
            call.state, call.principal, contact, expected_version=expected_version(call.request)
        )
        return answer_of("revoke", end)

    return await run_once(call, b"", run)


@router.post("/contacts/{contact}/crm/resync", response_model=None, status_code=202)
async def resync_contact(call: Caller, contact: str) -> Response:
    """Compare with the CRM afresh, at once."""
    parameters(call.request)

    async def run(_: str | None) -> Answer:
        ordered = await actions.resync_contact(call.state, call.principal, contact)
        return Answer(202, ordered, location=ordered["status_url"])

    return await run_once(call, b"", run)


@router.get("/commands/{command}", response_model=None)
async def settled_command(call: Caller, command: str) -> Response:
    """Where a 202 leads: 202 until it can answer as the call would have."""
    parameters(call.request)
    kind, end = await actions.settled_command(call.state, call.principal, command)
    call.headers["Kith-Outcome"] = end.outcome
    return respond(call, answer_of(kind, end))
