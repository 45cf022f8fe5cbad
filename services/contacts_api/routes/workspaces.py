"""Agents, keys, people and settings."""

from fastapi import APIRouter
from fastapi.responses import Response

from contacts_api.actions import agent_settings, keys, workspaces
from contacts_api.actions.bodies import NewAgentBody, NewKeyBody, SettingsBody, UserBody
from contacts_api.routes.documents import PROBLEMS, body
from contacts_api.routes.door import (
    Answer,
    Caller,
    ok,
    parameters,
    read_json,
    read_model,
    respond,
)
from contacts_api.routes.once import run_once

router = APIRouter(prefix="/v1", responses=PROBLEMS, tags=["settings"])


@router.get("/settings", response_model=None)
async def get_settings(call: Caller) -> Response:
    parameters(call.request)
    return ok(call, await agent_settings.get_settings(call.state, call.principal))


@router.patch(
    "/settings", response_model=None, openapi_extra=body(SettingsBody.model_json_schema())
)
async def change_settings(call: Caller) -> Response:
    parameters(call.request)
    _, sent = await read_json(call.request)
    wanted = read_model(SettingsBody, sent)
    return ok(call, await agent_settings.change_settings(call.state, call.principal, wanted))


@router.get("/agents", response_model=None)
async def list_agents(call: Caller) -> Response:
    parameters(call.request)
    return ok(call, await workspaces.list_agents(call.state, call.principal))


@router.post("/agents", response_model=None, openapi_extra=body(NewAgentBody.model_json_schema()))
async def create_agent(call: Caller) -> Response:
    parameters(call.request)
    raw, sent = await read_json(call.request)
    wanted = read_model(NewAgentBody, sent)

    async def run(_: str | None) -> Answer:
        return Answer(201, await workspaces.create_agent(call.state, call.principal, wanted))

    return await run_once(call, raw, run)


@router.get("/agents/{agent}/keys", response_model=None)
async def list_keys(call: Caller, agent: str) -> Response:
    parameters(call.request)
    return ok(call, await keys.list_keys(call.state, call.principal, agent))


@router.post(
    "/agents/{agent}/keys",
    response_model=None,
    openapi_extra=body(NewKeyBody.model_json_schema()),
)
async def create_key(call: Caller, agent: str) -> Response:
    """The secret is shown this once, so this answer is never kept for a repeat."""
    parameters(call.request)
    _, sent = await read_json(call.request)
    wanted = read_model(NewKeyBody, sent)
    made = await keys.create_key(call.state, call.principal, agent, wanted)
    return respond(call, Answer(201, made))


@router.delete("/agents/{agent}/keys/{key}", response_model=None, status_code=204)
async def revoke_key(call: Caller, agent: str, key: str) -> Response:
    parameters(call.request)
    await keys.revoke_key(call.state, call.principal, agent, key)
    return respond(call, Answer(204, None))


@router.get("/users", response_model=None)
async def list_users(call: Caller) -> Response:
    parameters(call.request)
    return ok(call, await workspaces.list_users(call.state, call.principal))


@router.post("/users", response_model=None)
async def create_user(call: Caller) -> Response:
    parameters(call.request)
    _, sent = await read_json(call.request)
    wanted = read_model(UserBody, sent)
    made = await workspaces.create_user(call.state, call.principal, wanted)
    return respond(call, Answer(201, made))
