"""What hangs on one contact: timeline, notes, the agent's context; erasures and the audit."""

from fastapi import APIRouter
from fastapi.responses import Response

from contacts_api import actions
from contacts_api.actions.auditing import list_audit
from contacts_api.actions.reading import wrong_parameter
from contacts_api.routes.documents import NOTE, PROBLEMS, TEMPLATE
from contacts_api.routes.door import (
    Answer,
    Caller,
    expected_version,
    ok,
    only,
    page_of,
    parameters,
    read_json,
    respond,
)
from contacts_api.routes.once import run_once

router = APIRouter(prefix="/v1", responses=PROBLEMS, tags=["contacts"])


@router.get("/contacts/{contact}/timeline", response_model=None)
async def list_timeline(call: Caller, contact: str) -> Response:
    """All channels and events in one thread, newest first; `order=asc` for oldest first."""
    given = parameters(
        call.request, "cursor", "limit", "order", "conversation_id", many=("channel", "type")
    )
    direction = given.get("order", ["desc"])[0]
    if direction not in {"asc", "desc"}:
        raise wrong_parameter("order", "Either asc or desc.")
    page = await actions.list_timeline(
        call.state,
        call.principal,
        contact,
        **page_of(given),
        ascending=direction == "asc",
        channels=given.get("channel", ()),
        types=given.get("type", ()),
        conversation=given.get("conversation_id", [None])[0],
    )
    return ok(call, page)


@router.get("/contacts/{contact}/notes", response_model=None)
async def list_notes(call: Caller, contact: str) -> Response:
    page = page_of(parameters(call.request, "cursor", "limit"))
    return ok(call, await actions.list_notes(call.state, call.principal, contact, **page))


@router.post("/contacts/{contact}/notes", response_model=None, openapi_extra=NOTE)
async def add_note(call: Caller, contact: str) -> Response:
    parameters(call.request)
    raw, body = await read_json(call.request)
    text = only(body, "text").get("text")

    async def run(_: str | None) -> Answer:
        note = await actions.add_note(call.state, call.principal, contact, text)
        return Answer(201, note, f"/v1/contacts/{contact}/notes/{note['id']}", note["version"])

    return await run_once(call, raw, run)


@router.patch("/contacts/{contact}/notes/{note}", response_model=None, openapi_extra=NOTE)
async def edit_note(call: Caller, contact: str, note: str) -> Response:
    parameters(call.request)
    _, body = await read_json(call.request)
    edited = await actions.edit_note(
        call.state,
        call.principal,
        contact,
        note,
        only(body, "text").get("text"),
        expected_version=expected_version(call.request),
    )
    return respond(call, Answer(200, edited, etag=edited["version"]))


@router.delete("/contacts/{contact}/notes/{note}", response_model=None, status_code=204)
async def delete_note(call: Caller, contact: str, note: str) -> Response:
    parameters(call.request)
    await actions.delete_note(call.state, call.principal, contact, note)
    return respond(call, Answer(204, None))


@router.get("/conversations/{conversation}/contact", response_model=None)
async def conversation_contact(call: Caller, conversation: str) -> Response:
    """What the AI agent may know in this conversation; unverified: that, and nothing more."""
    parameters(call.request)
    return ok(call, await actions.conversation_contact(call.state, call.principal, conversation))


@router.post("/conversations/{conversation}/render", response_model=None, openapi_extra=TEMPLATE)
async def render_template(call: Caller, conversation: str) -> Response:
    """Fill `{{contact.name}}` and the like; unverified, with nothing."""
    parameters(call.request)
    _, body = await read_json(call.request)
    template = only(body, "template").get("template")
    rendered = await actions.render_in_conversation(
        call.state, call.principal, conversation, template
    )
    return ok(call, rendered)


@router.get("/erasures", response_model=None)
async def list_erasures(call: Caller) -> Response:
    page = page_of(parameters(call.request, "cursor", "limit"))
    return ok(call, await actions.list_erasures(call.state, call.principal, **page))


@router.get("/erasures/{erasure}", response_model=None)
async def get_erasure(call: Caller, erasure: str) -> Response:
    """State, dates and the receipt of every slice."""
    parameters(call.request)
    return ok(call, await actions.get_erasure(call.state, call.principal, erasure))


@router.get("/audit", response_model=None)
async def get_audit(call: Caller) -> Response:
    """Who did what to which contact, newest first."""
    given = parameters(call.request, "cursor", "limit", "contact", "action")
    page = await list_audit(
        call.state,
        call.principal,
        **page_of(given),
        contact=given.get("contact", [None])[0],
        action=given.get("action", [None])[0],
    )
    return ok(call, page)
