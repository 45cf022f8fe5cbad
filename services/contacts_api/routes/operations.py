"""How the services are doing, for scalers and scripts; the page says the same."""

from fastapi import APIRouter
from fastapi.responses import Response

from contacts_api.actions import operations
from contacts_api.routes.documents import PROBLEMS
from contacts_api.routes.door import Caller, ok, parameters

router = APIRouter(prefix="/v1/ops", responses=PROBLEMS, tags=["operations"])


@router.get("/lag", response_model=None)
async def get_lag(call: Caller) -> Response:
    """Per service and stream: lag in messages and seconds, time to drain, and one word."""
    parameters(call.request)
    return ok(call, await operations.get_lag(call.state, call.principal))


@router.get("/dead-letters", response_model=None)
async def list_dead_letters(call: Caller) -> Response:
    """Messages that a service gave up: where, when and why, without their content."""
    parameters(call.request)
    return ok(call, await operations.list_dead_letters(call.state, call.principal))


@router.post("/dead-letters/{letter}/redrive", response_model=None)
async def redrive_dead_letter(call: Caller, letter: str) -> Response:
    """Send it to its reader again, once."""
    parameters(call.request)
    return ok(call, await operations.redrive_dead_letter(call.state, call.principal, letter))
