"""The internal door of the connections; `contacts_api` is its only client."""

import json
import secrets
from base64 import b32encode
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from crm_sync import store
from crm_sync.connecting import connection_state, open_hubspot
from crm_sync.domain.answers import Halted, judge_failure
from crm_sync.domain.links import ConnectionState
from crm_sync.domain.profile import DEFAULT_FIELD_MAP, KEY_PROPERTY
from crm_sync.domain.reasons import CONNECTION_SENTENCES
from crm_sync.hubspot import DEFAULT_BASE_URL
from crm_sync.sealing import seal
from crm_sync.settings import Settings
from crm_sync.store import ConnectionRow
from crm_sync.targets import ForbiddenTargetError, check_target
from service_kit.http import require_service_token
from service_kit.problems import FieldError, Problem

router = APIRouter(prefix="/internal/v1/connections", dependencies=[Depends(require_service_token)])

Space = Annotated[str, Query(min_length=1, max_length=200)]
FieldMap = Annotated[dict[str, str], Field(max_length=100)]
Label = Annotated[str, Field(min_length=1, max_length=100)]
CHECKABLE = ("ok", "degraded", "limited", "action_needed")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Credentials(Strict):
    access_token: SecretStr = Field(min_length=1, max_length=4096)


class NewConnection(Strict):
    space: str = Field(min_length=1, max_length=200)
    agent: str = Field(min_length=1, max_length=200)
    kind: Literal["hubspot"]
    label: Label
    base_url: str = Field(default=DEFAULT_BASE_URL, max_length=500)
    credentials: Credentials
    field_map: FieldMap = Field(default_factory=lambda: dict(DEFAULT_FIELD_MAP))
    """Kith's field to HubSpot's property."""


class Change(Strict):
    label: Label | None = None
    base_url: str | None = Field(default=None, max_length=500)
    credentials: Credentials | None = None
    field_map: FieldMap | None = None
    state: Literal["ok", "paused"] | None = None
    """``paused`` stops sending, ``ok`` goes on."""


@router.post("", status_code=201)
async def connect(new: NewConnection, request: Request) -> dict[str, Any]:
    """Connect a space. A repeat of the same kind and label changes that connection instead."""
    settings = _settings(request)
    await _check_address(settings, new.base_url)
    _check_map(new.field_map)
    sealed = _sealed(settings, new.space, new.credentials)
    values = {
        **new.model_dump(include={"space", "agent", "kind", "label", "base_url", "field_map"}),
        "connection": f"crm_{b32encode(secrets.token_bytes(16)).decode().lower()[:26]}",
        "state": "degraded",
        "reason": CONNECTION_SENTENCES["unchecked"],
    }
    async with request.app.state.runtime.transaction([new.space]) as tx:
        connection: str = values["connection"]
        if not await store.insert_connection(tx, values, sealed):
            found = await store.find_connection_by_label(tx, new.space, new.kind, new.label)
            if found is None:
                raise Problem(409, "conflict", "The connection was removed a moment ago: try again")
            connection = found
            await store.update_connection(tx, {**values, "connection": found}, sealed)
        row = await _told(tx, new.space, connection)
    return _shown(row)


@router.get("")
async def list_all(space: Space, request: Request) -> dict[str, Any]:
    async with request.app.state.runtime.transaction([space]) as tx:
        rows = await store.list_connections(tx, [space])
    return {"data": [_shown(row) for row in rows]}


@router.get("/{connection}")
async def get_one(connection: str, space: Space, request: Request) -> dict[str, Any]:
    return _shown(await _found(request, space, connection))


@router.patch("/{connection}")
async def change(connection: str, space: Space, wanted: Change, request: Request) -> dict[str, Any]:
    settings = _settings(request)
    row = await _found(request, space, connection)
    base_url = wanted.base_url or row.base_url
    field_map = dict(wanted.field_map if wanted.field_map is not None else row.field_map)
    await _check_address(settings, base_url)
    _check_map(field_map)
    sealed = _sealed(settings, space, wanted.credentials) if wanted.credentials else None
    state, reason = _next_state(row, wanted)
    values = {
        "space": space,
        "connection": connection,
        "label": wanted.label or row.label,
        "base_url": base_url,
        "field_map": field_map,
        "state": state,
        "reason": reason,
    }
    async with request.app.state.runtime.transaction([space]) as tx:
        await store.update_connection(tx, values, sealed)
        row = await _told(tx, space, connection)
    return _shown(row)


@router.delete("/{connection}", status_code=204)
async def disconnect(connection: str, space: Space, request: Request) -> None:
    """The credentials go, what is in the CRM stays. A second time: 404."""
    row = await _found(request, space, connection)
    async with request.app.state.runtime.transaction([space]) as tx:
        reason = CONNECTION_SENTENCES["off"]
        if await store.mark_connection_off(tx, space, connection, reason):
            tx.emit(connection_state(row, "off", reason, await store.get_now(tx)))


@router.post("/{connection}/test")
async def test(connection: str, space: Space, request: Request) -> dict[str, Any]:
    """Ask the CRM now. Changes nothing: the sender finds out for itself."""
    row = await _found(request, space, connection)
    if row.state not in CHECKABLE or row.sealed is None:
        return {"ok": False, "code": row.state, "detail": row.reason}
    async with await open_hubspot(_settings(request), row) as hubspot:
        answer = await hubspot.account()
    if answer.status == 200 and isinstance(answer.body, dict):
        return {"ok": True, "account": str(answer.body.get("portalId", ""))}
    failure = judge_failure(answer)
    code = failure.code if isinstance(failure, Halted) else "unchecked"
    return {"ok": False, "code": code, "detail": CONNECTION_SENTENCES[code]}


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.runtime.settings
    return settings


async def _found(request: Request, space: str, connection: str) -> ConnectionRow:
    async with request.app.state.runtime.transaction([space]) as tx:
        row = await store.get_connection(tx, space, connection)
    if row is None or row.state == "off":
        raise Problem(404, "not-found", "There is no such connection in this space")
    return row


async def _told(tx: Any, space: str, connection: str) -> ConnectionRow:
    row = await store.get_connection(tx, space, connection)
    if row is None:
        raise Problem(404, "not-found", "There is no such connection in this space")
    tx.emit(connection_state(row, row.state, row.reason, row.changed_at))
    return row


def _next_state(row: ConnectionRow, wanted: Change) -> tuple[ConnectionState, str | None]:
    if wanted.state == "paused":
        return "paused", CONNECTION_SENTENCES["paused"]
    if row.state == "paused" and wanted.state is None:
        return "paused", row.reason
    if wanted.credentials or wanted.base_url or wanted.state == "ok":
        # Checked before the next contact is sent
        return "degraded", CONNECTION_SENTENCES["unchecked"]
    return row.state, row.reason


async def _check_address(settings: Settings, base_url: str) -> None:
    try:
        await check_target(base_url, settings.allow_loopback_targets)
    except (ForbiddenTargetError, ValueError):
        error = FieldError("/base_url", "forbidden-target", "Only a public https address will do")
        raise Problem(
            422, "invalid", "The connection may not point there", errors=[error]
        ) from None


def _check_map(field_map: Mapping[str, str]) -> None:
    targets = list(field_map.values())
    if KEY_PROPERTY in targets or len(set(targets)) < len(targets):
        error = FieldError("/field_map", "target-taken", "Each property may be filled by one field")
        raise Problem(422, "invalid", "Two fields would fill one property", errors=[error])
    known = {*DEFAULT_FIELD_MAP, "external_id"}
    if not all(name in known or name.startswith("attr.") for name in field_map):
        error = FieldError("/field_map", "unknown-field", "A field is none of Kith's")
        raise Problem(422, "invalid", "The field map names an unknown field", errors=[error])


def _sealed(settings: Settings, space: str, credentials: Credentials) -> bytes:
    plain = json.dumps({"access_token": credentials.access_token.get_secret_value()}).encode()
    return seal(settings.secret.get_secret_value(), space, plain)


def _shown(row: ConnectionRow) -> dict[str, Any]:
    """Never the credentials."""
    return {
        "id": row.connection,
        "object": "crm_connection",
        "space": row.space,
        "agent": row.agent,
        "kind": row.kind,
        "label": row.label,
        "base_url": row.base_url,
        "field_map": dict(row.field_map),
        "state": row.state,
        "reason": row.reason,
        "account": row.account,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.changed_at.isoformat(),
    }
