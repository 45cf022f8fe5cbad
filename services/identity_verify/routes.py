"""The internal door: signing keys and a test of a hash or token. Opened by the service token."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from contact_schema.settings import AgentSettings
from identity_verify import domain, store
from identity_verify.domain import Algorithm, Refused, Shown
from identity_verify.handlers import person_of
from identity_verify.sealing import Encoding, Sealer, key_of
from identity_verify.store import Given
from identity_verify.verifying import judge
from service_kit.http import require_service_token
from service_kit.limits import TokenBucket
from service_kit.problems import FieldError, Problem
from service_kit.replica import Replica
from service_kit.service import Runtime
from service_kit.tx import Tx

router = APIRouter(
    prefix="/internal/v1", tags=["internal"], dependencies=[Depends(require_service_token)]
)

AgentId = Annotated[str, Field(min_length=1, max_length=128)]
AskedAgent = Annotated[str, Query(alias="agent", min_length=1, max_length=128)]
Once = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=512)]
ANSWERS_KEPT: Final = timedelta(hours=24)
LIVE_KEYS: Final = 20
"""Of one agent: each may have to be tried for a claim."""


@dataclass(frozen=True)
class State:
    """The service's own object, which routes ask."""

    sealer: Sealer
    agents: Replica[AgentSettings]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    checks: TokenBucket = field(default_factory=lambda: TokenBucket(5, burst=50))


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NewKey(_Body):
    """A secret (HS256, hashes), or the public key by which ES256 or EdDSA tokens are checked."""

    agent: AgentId
    algorithm: Algorithm = "HS256"
    public_key: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    """In PEM; for ES256 of the curve P-256, for EdDSA of Ed25519."""
    label: Annotated[str, Field(max_length=100)] = ""


class NewSecret(NewKey):
    """Without ``secret`` one is made. ``hex``: the key is what its hex digits say."""

    secret: Annotated[SecretStr, Field(min_length=1, max_length=512)] | None = None
    encoding: Encoding = "utf8"


class Rotation(NewKey):
    """A new key of the algorithm; those before it end after the overlap."""

    overlap_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 24


class Check(_Body):
    agent: AgentId
    user_id: Annotated[str, Field(min_length=1, max_length=128)]
    user_hash: str | None = None
    token: str | None = None


@router.post("/secrets", status_code=201)
async def post_secret(request: Request, body: NewSecret, once: Once = None) -> dict[str, str]:
    """Keep a key; a secret is told this only time. The same one again is the same one."""
    sent = body.secret.get_secret_value() if body.secret else None
    if body.algorithm != "HS256":
        if sent is not None or body.encoding != "utf8":
            raise _invalid("/secret", "Only HS256 has a secret; send public_key.")
        key = _public_key(body)
    else:
        key = _secret(body, sent)
    try:
        key_of(key, body.encoding)
    except ValueError:
        raise _invalid("/secret", "Must be hex digits in pairs.") from None
    asked = await _asked_digest(request)
    given = Given(key, body.algorithm, body.encoding, body.label, once, asked)
    return await _keep(request, body.agent, given)


@router.post("/secrets/rotate", status_code=201)
async def rotate_secret(request: Request, body: Rotation, once: Once = None) -> dict[str, str]:
    """A new key; those of its algorithm before it live on for the overlap."""
    key = _secret(body, None) if body.algorithm == "HS256" else _public_key(body)
    asked = await _asked_digest(request)
    given = Given(key, body.algorithm, label=body.label, once=once, asked=asked)
    return await _keep(request, body.agent, given, timedelta(hours=body.overlap_hours))


async def _keep(
    request: Request, agent: str, given: Given, overlap: timedelta | None = None
) -> dict[str, str]:
    state, runtime = _asked(request)
    now = state.clock()
    async with runtime.transaction() as tx:
        await store.lock_agent(tx, agent)
        if given.once and (before := await _made(tx, state, agent, given, now)):
            return before
        id_ = f"secret_{secrets.token_hex(13)}"
        kept = await store.insert_secret(tx, state.sealer, agent, id_, given, now)
        if overlap is not None:
            await store.end_other_secrets(tx, agent, kept, now + overlap, given.algorithm)
        rows = await store.list_secrets(tx, agent)
        if sum(_is_live(row, now) for row in rows) > LIVE_KEYS:
            raise Problem(422, "limit", f"An agent has at most {LIVE_KEYS} live keys.")
    return _told(kept, given)


async def _made(
    tx: Tx, state: State, agent: str, given: Given, now: datetime
) -> dict[str, str] | None:
    """The answer to the first call of this Idempotency-Key, if there was one."""
    assert given.once is not None
    since = now - ANSWERS_KEPT
    made = await store.find_made_secret(tx, state.sealer, agent, given.once, since)
    if made is None:
        await store.forget_call(tx, agent, given.once)
        return None
    if not hmac.compare_digest(made.given.asked or "", given.asked or ""):
        raise Problem(
            422, "idempotency-key-reused", "This Idempotency-Key was used for another call."
        )
    return _told(made.id, made.given)


@router.get("/secrets")
async def list_secrets(request: Request, agent: AskedAgent) -> dict[str, Any]:
    """The keys of an agent without what is secret in them."""
    state, runtime = _asked(request)
    now = state.clock()
    async with runtime.transaction() as tx:
        rows = await store.list_secrets(tx, agent)
    return {"data": [{**row, "live": _is_live(row, now)} for row in rows]}


@router.delete("/secrets/{secret_id}", status_code=204)
async def delete_secret(request: Request, secret_id: str, agent: AskedAgent) -> Response:
    """From now on it proves nothing."""
    state, runtime = _asked(request)
    async with runtime.transaction() as tx:
        deleted = await store.delete_secret(tx, agent, secret_id, state.clock())
    if not deleted:
        raise Problem(404, "not-found", "There is no such secret.")
    return Response(status_code=204)


@router.post("/check")
async def check(request: Request, body: Check) -> dict[str, Any]:
    """Would an identify with this hash or token be proven now?"""
    state, runtime = _asked(request)
    verdict = state.checks.take(body.agent, 1, time.monotonic())
    if not verdict.allowed:
        raise Problem(429, "rate-limited", "Too many tests at once.", headers=verdict.headers)
    settings, now = state.agents.get(body.agent), state.clock()
    async with runtime.transaction() as tx:
        live = await store.list_live_secrets(tx, state.sealer, [body.agent], now)
        revoked = await _revoked_at(tx, state, settings, body.user_id)
    shown = Shown(body.user_id, body.agent, now, body.user_hash, body.token)
    blocked = settings.policies.blocked_values if settings else ()
    told = judge(shown, live[body.agent], blocked, revoked)
    if isinstance(told, Refused):
        return {"ok": False, "code": told.code}
    return {"ok": True, "secret_id": told.secret}


async def _revoked_at(
    tx: Tx, state: State, settings: AgentSettings | None, user: str
) -> datetime | None:
    if settings is None:
        return None
    secret = state.sealer.deployment_secret
    person = (settings.space, person_of(secret, settings.space, user))
    return (await store.find_revocations(tx, [person])).get(person)


async def _asked_digest(request: Request) -> str:
    parts = (request.url.path.encode(), await request.body())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _secret(body: NewKey, given: str | None) -> str:
    if body.public_key is not None:
        raise _invalid("/public_key", "Name its algorithm: ES256 or EdDSA.")
    return secrets.token_hex(32) if given is None else given


def _public_key(body: NewKey) -> str:
    if body.public_key is None:
        raise _invalid("/public_key", "ES256 and EdDSA need the public key, in PEM.")
    try:
        return domain.public_key(body.public_key, body.algorithm)
    except domain.NotAKey:
        raise _invalid(
            "/public_key", f"Must be a public key in PEM for {body.algorithm}."
        ) from None


def _told(kept: str, given: Given) -> dict[str, str]:
    name = "secret" if given.algorithm == "HS256" else "public_key"
    return {"id": kept, "algorithm": given.algorithm, name: given.key}


def _is_live(row: Mapping[str, Any], now: datetime) -> bool:
    return not row["ends_at"] or row["ends_at"] > now


def _asked(request: Request) -> tuple[State, Runtime]:
    return request.app.state.service_state, request.app.state.runtime


def _invalid(field: str, detail: str) -> Problem:
    return Problem(
        422, "invalid", "Some fields are not valid.", errors=[FieldError(field, "invalid", detail)]
    )
