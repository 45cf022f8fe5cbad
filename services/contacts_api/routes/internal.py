"""The internal door: what an installer makes. Opened by the service token."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from contacts_api.actions.bodies import WorkspaceBody
from contacts_api.actions.workspaces import provision_workspace
from contacts_api.routes.door import read_json, read_model
from service_kit.http import require_service_token

router = APIRouter(
    prefix="/internal/v1", dependencies=[Depends(require_service_token)], include_in_schema=False
)


@router.put("/workspaces/{name}")
async def put_workspace(request: Request, name: str) -> dict[str, Any]:
    _, body = await read_json(request)
    wanted = read_model(WorkspaceBody, body)
    return await provision_workspace(request.app.state.service_state, name, wanted)
