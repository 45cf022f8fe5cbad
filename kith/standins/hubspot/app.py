"""The stand-in as a web application: sign-in, limits and faults around the calls."""

import asyncio
import html
import json
import random
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from kith.standins.hubspot.calls import Reply, dispatch
from kith.standins.hubspot.faults import Fault, Faults
from kith.standins.hubspot.limits import CallLimits
from kith.standins.hubspot.portal import Portal

PORTAL_ID = 62515
KEPT_CALLS = 10_000
METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]


@dataclass
class StandIn:
    portal: Portal
    faults: Faults
    limits: CallLimits
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))


def create_app(seed: int = 0, failure_rate: float = 0.0, address: str = "127.0.0.1") -> FastAPI:
    """The stand-in; its state is ``app.state.standin``. ``address`` is what its pages link to."""
    app = FastAPI(title="HubSpot stand-in", docs_url=None, redoc_url=None, openapi_url=None)
    standin = StandIn(
        Portal(lambda: datetime.now(UTC)), Faults(seed=seed, rate=failure_rate), CallLimits()
    )
    app.state.standin = standin
    account = {
        "portalId": PORTAL_ID,
        "accountType": "STANDARD",
        "timeZone": "Europe/Berlin",
        "companyCurrency": "EUR",
        "additionalCurrencies": [],
        "utcOffset": "+01:00",
        "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": address,
        "dataHostingLocation": "eu1",
    }

    @app.post("/_control")
    async def control(request: Request) -> dict[str, bool]:
        order = await request.json()
        standin.faults.control(order)
        for name, value in order.get("limits", {}).items():
            if name in ("per_window", "window_seconds", "per_day"):
                setattr(standin.limits, name, value)
        return {"ok": True}

    @app.get("/_calls")
    async def calls() -> list[dict[str, Any]]:
        return list(standin.calls)

    @app.get("/_contacts")
    async def contacts() -> list[dict[str, Any]]:
        return [c.body(None) for c in standin.portal.contacts.values() if not c.archived]

    @app.get("/")
    async def overview() -> HTMLResponse:
        return HTMLResponse(_page(standin.portal, None))

    @app.get("/contacts/{portal_id}/record/0-1/{object_id}")
    async def record(portal_id: int, object_id: str) -> HTMLResponse:
        return HTMLResponse(_page(standin.portal, object_id))

    @app.api_route("/{path:path}", methods=METHODS)
    async def call(request: Request, path: str) -> Response:
        return await _serve(standin, account, request, f"/{path}")

    return app


async def _serve(
    standin: StandIn, account: dict[str, object], request: Request, path: str
) -> Response:
    raw = await request.body()
    if standin.faults.latency:
        await asyncio.sleep(standin.faults.latency)
    fault = standin.faults.next(path)
    call: dict[str, Any] = {
        "method": request.method,
        "path": path,
        "status": None,
        "fault": fault and fault.name,
    }
    standin.calls.append(call)
    status, body, headers = await _answer(standin, account, request, path, raw, fault)
    call["status"] = status
    headers = {**standin.limits.headers(), **headers}
    if body is None:
        return Response(status_code=status, headers=headers)
    if status >= 400:
        body = {"correlationId": str(uuid.uuid4()), **body}
    return JSONResponse(body, status_code=status, headers=headers)


async def _answer(
    standin: StandIn,
    account: dict[str, object],
    request: Request,
    path: str,
    raw: bytes,
    fault: Fault | None,
) -> tuple[int, dict[str, Any] | None, dict[str, str]]:
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    if standin.faults.revoked or scheme != "Bearer" or not token.strip():
        return 401, _error("INVALID_AUTHENTICATION", "Authentication credentials not found."), {}
    if (policy := standin.limits.take(time.monotonic())) is not None:
        return 429, _rate_error(policy), {}
    if fault is not None and fault.status is not None:
        wait = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        error = (
            _rate_error(fault.policy)
            if fault.status == 429
            else _error("ERROR", "The server had a bad day.")
        )
        return fault.status, error, wait
    if fault is not None and fault.name == "hang":
        await asyncio.sleep(fault.seconds)
        return 504, _error("ERROR", "Gateway time-out."), {}
    status, body = _done(
        standin, account, request, path, raw, fault is not None and fault.name == "refuse_one"
    )
    if fault is not None:
        status, body = await _spoil(standin, fault, status, body)
    return status, body, {}


def _done(
    standin: StandIn,
    account: dict[str, object],
    request: Request,
    path: str,
    raw: bytes,
    refuse_one: bool,
) -> Reply:
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        return 400, _error("VALIDATION_ERROR", "Invalid input JSON")
    refused = body["inputs"].pop(0) if refuse_one and body and body.get("inputs") else None
    status, answer = dispatch(
        standin.portal,
        account,
        request.method,
        path,
        # HubSpot takes a list both as a comma list and as a repeated parameter
        {n: ",".join(request.query_params.getlist(n)) for n in request.query_params},
        body,
        standin.faults.multi_status,
    )
    if refused is not None and answer is not None and status < 300:
        return 207, {**answer, **_refused_row(refused)}
    return status, answer


async def _spoil(standin: StandIn, fault: Fault, status: int, body: dict[str, Any] | None) -> Reply:
    """The call is done; the answer is what goes wrong."""
    match fault.name:
        case "hang_after":
            await asyncio.sleep(fault.seconds)
            return 504, _error("ERROR", "Gateway time-out.")
        case "drop_after":
            return 502, _error("ERROR", "Bad gateway.")
    if body is None or not body.get("results"):
        return status, body
    results = list(body["results"])
    match fault.name:
        case "missing_rows":
            return 207, {**body, "results": results[1:]}
        case "reordered":
            random.Random(standin.faults.seed).shuffle(results)
            return status, {**body, "results": results}
    return status, body


def _refused_row(row: dict[str, Any]) -> dict[str, Any]:
    error = _error("VALIDATION_ERROR", "A workflow of this account refused the record.")
    trace = {"objectWriteTraceId": [row.get("objectWriteTraceId")]}
    return {"numErrors": 1, "errors": [{**error, "context": trace}]}


def _error(category: str, message: str) -> dict[str, Any]:
    return {"status": "error", "category": category, "message": message}


def _rate_error(policy: str) -> dict[str, Any]:
    return {
        "status": "error",
        "errorType": "RATE_LIMIT",
        "policyName": policy,
        "message": f"You have reached your {policy.lower()} limit.",
        "requestId": str(uuid.uuid4()),
    }


def _page(portal: Portal, only: str | None) -> str:
    shown = [
        contact
        for contact in portal.contacts.values()
        if not contact.archived and only in (None, contact.id)
    ]
    rows = "".join(
        f"<tr><td>{contact.id}</td><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for contact in shown
        for name, value in sorted(contact.properties.items())
    )
    return (
        "<!doctype html><meta charset=utf-8><title>HubSpot stand-in</title>"
        "<style>body{font:16px system-ui;margin:2rem}td{padding:.2rem .8rem}</style>"
        f"<h1>HubSpot stand-in</h1><p>{len(shown)} contacts</p><table>{rows}</table>"
    )
