"""The widget's door: anybody may knock, so nothing is proven here and nothing is told."""

import gzip
import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ingest.doors import Doors, refuse_when_limited
from ingest.keys import Found
from ingest.reading import items_of, items_of_lines
from ingest.routes.adapters import LINES
from service_kit.bodies import read_body
from service_kit.problems import Problem

BODY_BYTES: Final = 65_536
EVENTS: Final = 50
_YEAR: Final = "public, max-age=31536000, immutable"
_MINUTES: Final = "public, max-age=300"

router = APIRouter(tags=["widget"])


_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "application/json": {"schema": {"oneOf": [{"type": "object"}, {"type": "array"}]}},
        },
    }
}


@router.post("/v1/widget/{widget_key}/events", status_code=202, openapi_extra=_BODY)
async def post_widget_events(request: Request, widget_key: str) -> JSONResponse:
    """Accept up to 50 events of one browser. The answer is the same whatever they were."""
    doors: Doors = request.app.state.service_state
    found = _found(doors, widget_key)
    headers = _cors(request, found)
    try:
        return await _accept(request, doors, found, headers)
    except Problem as problem:
        # Without these headers a browser could not read even the status.
        problem.headers = {**problem.headers, **headers}
        raise


async def _accept(
    request: Request, doors: Doors, found: Found, headers: Mapping[str, str]
) -> JSONResponse:
    body = await read_body(request, BODY_BYTES)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    items = items_of_lines(body) if media in LINES else items_of(body)
    if len(items) > EVENTS:
        raise Problem(413, "too-large", "At most 50 events are taken at once.")
    verdict = doors.take_of_key(found, len(items))
    refuse_when_limited(verdict)
    address = request.client.host if request.client else ""
    verdict = doors.take_of_visitor(found, address, Counter(map(_session, items)))
    refuse_when_limited(verdict)
    await doors.accept(found, [_of_widget(item) for item in items])
    return JSONResponse({}, 202, {**verdict.headers, **headers})


@router.options("/v1/widget/{widget_key}/events", status_code=204)
async def preflight_widget_events(request: Request, widget_key: str) -> Response:
    """May a page of this origin send JSON here?"""
    doors: Doors = request.app.state.service_state
    headers = _cors(request, _found(doors, widget_key))
    return Response(
        status_code=204,
        headers={
            **headers,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "7200",
        },
    )


@router.get("/v1/widget.js")
async def get_widget(request: Request, v: str | None = None) -> Response:
    """The client for browsers. With ``v`` of its present version it may be kept for ever."""
    script, packed, version = widget_script()
    headers = {
        "ETag": f'"{version}"',
        "Cache-Control": _YEAR if v == version else _MINUTES,
        "Vary": "Accept-Encoding",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if version in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        script, headers["Content-Encoding"] = packed, "gzip"
    return Response(script, headers=headers, media_type="text/javascript")


@cache
def widget_script() -> tuple[bytes, bytes, str]:
    """The script without comments and indentation, the same in gzip, and its version."""
    source = Path(__file__).parents[1] / "widget" / "widget.js"
    lines = (line.strip() for line in source.read_text("utf-8").splitlines())
    script = "\n".join(line for line in lines if line and not line.startswith("//")).encode()
    return script, gzip.compress(script, 9, mtime=0), hashlib.sha256(script).hexdigest()[:16]


def _found(doors: Doors, widget_key: str) -> Found:
    found = doors.keys.find_key(widget_key, "widget")
    if found is None:
        raise Problem(404, "not-found", "There is no such widget key.")
    return found


def _cors(request: Request, found: Found) -> dict[str, str]:
    """The headers for the page that asks. Raises Problem 403 for a page that may not."""
    origin = request.headers.get("origin")
    if origin is None:
        if found.key.native:
            return {"Vary": "Origin"}
        raise Problem(403, "origin", "This key is for web pages, whose browsers send an Origin.")
    if origin.lower() not in {allowed.lower().rstrip("/") for allowed in found.key.origins}:
        raise Problem(403, "origin", "Pages of this origin may not use this key.")
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
        "Vary": "Origin",
    }


def _session(item: Any) -> str:
    session = item.get("session_id") if isinstance(item, dict) else None
    return session[:128] if isinstance(session, str) else ""


def _of_widget(item: Any) -> Any:
    return {"channel": "widget", **item} if isinstance(item, dict) else item
