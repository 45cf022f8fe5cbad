"""The internal door: signing secrets and a test of a hash. Opened by the service token only."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from contact_schema.settings import AgentSettings
from identity_verify import domain, store
from identity_verify.domain import Proven, Refused
from identity_verify.sealing import Encoding, Sealer, key_of
from service_kit.http import require_service_token
from service_kit.problems import FieldError, Problem
from service_kit.replica import Replica
from service_kit.service import Runtime

router = APIRouter(
    prefix="/internal/v1", tags=["internal"], dependencies=[Depends(require_service_token)]
)

AgentId = Annotated[str, Field(min_length=1, max_length=128)]


@dataclass(frozen=True)
class State:
    """The service's own object, which routes ask."""

    sealer: Sealer
    agents: Replica[AgentSettings]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def blocked(self, agent: str) -> tuple[str, ...]:
        settings = self.agents.get(agent)
        return settings.policies.blocked_values if settings else ()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewSecret(_Body):
    """Without ``secret`` one is made. ``hex``: the key is what its hex digits say."""

    agent: AgentId
    secret: Annotated[SecretStr, Field(min_length=1, max_length=512)] | None = None
    encoding: Encoding = "utf8"
    label: Annotated[str, Field(max_length=100)] = ""


class Rotation(_Body):
    agent: AgentId
    overlap_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 24


class Check(_Body):
    agent: AgentId
    user_id: Annotated[str, Field(min_length=1, max_length=128)]
    user_hash: str | None = None
    token: str | None = None


@router.post("/secrets", status_code=201)
async def post_secret(request: Request, body: NewSecret) -> dict[str, str]:
    """Keep a secret; the only time that it is told. The same one again is the same one."""
    state, runtime = _asked(request)
    given = body.secret.get_secret_value() if body.secret else secrets.token_hex(32)
    try:
        key_of(given, body.encoding)
    except ValueError:
        raise _invalid("/secret", "Must be hex digits in pairs.") from None
    async with runtime.transaction() as tx:
        kept = await store.insert_secret(
            tx,
            state.sealer,
            body.agent,
            _new_id(),
            given,
            encoding=body.encoding,
            label=body.label,
            now=state.clock(),
        )
    return {"id": kept, "secret": given}


@router.get("/secrets")
async def list_secrets(
    request: Request, agent: Annotated[str, Query(min_length=1, max_length=128)]
) -> dict[str, Any]:
    """The secrets of an agent without what is secret in them."""
    state, runtime = _asked(request)
    now = state.clock()
    async with runtime.transaction() as tx:
        rows = await store.list_secrets(tx, agent)
    return {"data": [{**row, "live": not row["ends_at"] or row["ends_at"] > now} for row in rows]}


@router.post("/secrets/rotate", status_code=201)
async def rotate_secret(request: Request, body: Rotation) -> dict[str, str]:
    """A new secret; those before it live on for the overlap."""
    state, runtime = _asked(request)
    made, now = secrets.token_hex(32), state.clock()
    async with runtime.transaction() as tx:
        kept = await store.insert_secret(
            tx, state.sealer, body.agent, _new_id(), made, encoding="utf8", label="", now=now
        )
        ends_at = now + timedelta(hours=body.overlap_hours)
        await store.end_other_secrets(tx, body.agent, kept, ends_at)
    return {"id": kept, "secret": made}


@router.delete("/secrets/{secret_id}", status_code=204)
async def delete_secret(request: Request, secret_id: str) -> Response:
    """From now on it proves nothing."""
    _, runtime = _asked(request)
    async with runtime.transaction() as tx:
        deleted = await store.delete_secret(tx, secret_id)
    if not deleted:
        raise Problem(404, "not-found", "There is no such secret.")
    return Response(status_code=204)


@router.post("/check")
async def check(request: Request, body: Check) -> dict[str, Any]:
    """Would an identify with this hash be proven now?"""
    state, runtime = _asked(request)
    async with runtime.transaction() as tx:
        live = await store.list_live_secrets(tx, state.sealer, [body.agent], state.clock())
    verdict: Proven | Refused
    if domain.names_nobody(body.user_id, state.blocked(body.agent)):
        verdict = Refused("blocked")
    elif body.user_hash is None and body.token is not None:
        verdict = Refused("unsupported")
    else:
        verdict = domain.check_hash(body.user_id, body.user_hash, live[body.agent])
    if isinstance(verdict, Refused):
        return {"ok": False, "code": verdict.code}
    return {"ok": True, "secret_id": verdict.secret}


def _asked(request: Request) -> tuple[State, Runtime]:
    return request.app.state.service_state, request.app.state.runtime


def _new_id() -> str:
    return f"secret_{secrets.token_hex(13)}"


def _invalid(field: str, detail: str) -> Problem:
    return Problem(
        422, "invalid", "Some fields are not valid.", errors=[FieldError(field, "invalid", detail)]
    )
