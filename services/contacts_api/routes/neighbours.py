"""What other services own, through their internal doors: identity secrets, CRM connections.

This service keeps no credential; a neighbour that is down breaks only its own routes.
"""

from typing import Any, Final

import httpx
import orjson
from fastapi import APIRouter
from fastapi.responses import Response

from contact_schema.settings import Scope
from contacts_api.actions.ordering import audit
from contacts_api.actions.reading import need
from contacts_api.routes.documents import PROBLEMS
from contacts_api.routes.door import Answer, Call, Caller, parameters, read_json, respond
from contacts_api.routes.once import key_of
from service_kit.problems import FieldError, Problem

router = APIRouter(prefix="/v1", responses=PROBLEMS, tags=["settings"])
MANAGE: Final[Scope] = "settings:manage"


@router.get("/identity/secrets", response_model=None)
async def list_secrets(call: Caller) -> Response:
    """The agent's signing keys, without what is secret in them, and until when each counts."""
    return respond(call, await _identity(call, "GET", "secrets"))


@router.post("/identity/secrets", response_model=None)
async def create_secret(call: Caller) -> Response:
    """`{"secret"?, "encoding"?: "utf8" | "hex", "label"?}`, or `{"algorithm": "ES256" | "EdDSA",
    "public_key": PEM}`. A secret is shown this only time; without one, one is made.
    """
    return respond(call, await _change_keys(call, "POST", "secrets", "identity_key.created"))


@router.post("/identity/secrets/rotate", response_model=None)
async def rotate_secret(call: Caller) -> Response:
    """`{"overlap_hours": 24, "algorithm"?, "public_key"?}`: those before end after the overlap."""
    return respond(call, await _change_keys(call, "POST", "secrets/rotate", "identity_key.rotated"))


@router.delete("/identity/secrets/{secret}", response_model=None)
async def delete_secret(call: Caller, secret: str) -> Response:
    """From now on it proves nothing."""
    path = f"secrets/{_word(secret)}"
    return respond(call, await _change_keys(call, "DELETE", path, "identity_key.deleted"))


@router.post("/identity/check", response_model=None)
async def check_identity(call: Caller) -> Response:
    """`{"user_id", "user_hash" | "token"}`: would an identify with this be proven now?"""
    return respond(call, await _identity(call, "POST", "check"))


async def _change_keys(call: Call, method: str, path: str, action: str) -> Answer:
    answer = await _identity(call, method, path)
    if answer.status < 300:
        key = answer.body["id"] if answer.body else path.rpartition("/")[2]
        async with call.state.transaction(call.principal.space) as tx:
            await audit(tx, call.principal, action, [None], key=key)
    return answer


async def _identity(call: Call, method: str, path: str) -> Answer:
    about = {"agent": call.principal.agent}
    body = await _body(call) | about if method == "POST" else None
    base = call.state.settings.identity_verify_url
    return await _ask(call, method, base, path, about, body)


@router.get("/crm/connections", response_model=None)
async def list_connections(call: Caller) -> Response:
    return await _crm(call, "GET", "connections")


@router.post("/crm/connections", response_model=None)
async def create_connection(call: Caller) -> Response:
    about = {"space": call.principal.space, "agent": call.principal.agent}
    return await _crm(call, "POST", "connections", about)


@router.get("/crm/connections/{connection}", response_model=None)
async def get_connection(call: Caller, connection: str) -> Response:
    return await _crm(call, "GET", f"connections/{_word(connection)}")


@router.patch("/crm/connections/{connection}", response_model=None)
async def change_connection(call: Caller, connection: str) -> Response:
    return await _crm(call, "PATCH", f"connections/{_word(connection)}", {})


@router.delete("/crm/connections/{connection}", response_model=None)
async def delete_connection(call: Caller, connection: str) -> Response:
    return await _crm(call, "DELETE", f"connections/{_word(connection)}")


@router.post("/crm/connections/{connection}/test", response_model=None)
async def check_connection(call: Caller, connection: str) -> Response:
    return await _crm(call, "POST", f"connections/{_word(connection)}/test")


async def _crm(call: Call, method: str, path: str, about: dict[str, str] | None = None) -> Response:
    """With ``about`` the caller's body goes along, and these fields of it come from the key."""
    body = None if about is None else await _body(call) | about
    base, space = call.state.settings.crm_sync_url, {"space": call.principal.space}
    return respond(call, await _ask(call, method, base, path, space, body))


def _word(part: str) -> str:
    """An id of theirs as one step of a path, and nothing else."""
    if not part.replace("_", "").replace("-", "").isalnum() or not part.isascii():
        raise Problem(404, "not-found", "There is nothing under this address.")
    return part


async def _ask(
    call: Call,
    method: str,
    base: str,
    path: str,
    about: dict[str, str],
    body: dict[str, Any] | None,
) -> Answer:
    """Their answer as it is. Space and agent come from the key, whatever the caller says."""
    need(call.principal, MANAGE)
    parameters(call.request)
    if not base:
        raise _away()
    once = key_of(call)
    token = call.state.settings.service_token.get_secret_value()
    try:
        answer = await call.state.neighbours.request(
            method,
            f"{base.rstrip('/')}/internal/v1/{path}",
            params=about,
            content=None if body is None else orjson.dumps(body),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                # They keep the answer themselves: it may hold a secret, and theirs are sealed.
                **({"Idempotency-Key": f"{call.principal.id} {once}"} if once else {}),
            },
        )
    except httpx.HTTPError:
        raise _away() from None
    if answer.status_code in {401, 403, 500, 502, 503, 504}:
        raise _away()
    if "Retry-After" in answer.headers:
        call.headers["Retry-After"] = answer.headers["Retry-After"]
    told = answer.json() if answer.content else None
    if isinstance(told, dict) and "data" in told:
        told = {"next_cursor": None, "prev_cursor": None} | told
    return Answer(answer.status_code, told)


async def _body(call: Call) -> dict[str, Any]:
    if call.request.headers.get("content-length", "0") == "0":
        return {}
    _, body = await read_json(call.request)
    if not isinstance(body, dict):
        error = FieldError("", "invalid", "Must be an object.")
        raise Problem(422, "invalid", "Some fields are not valid.", errors=[error])
    return body


def _away() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The service that keeps this does not answer.",
        headers={"Retry-After": "2"},
    )
