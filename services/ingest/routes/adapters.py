"""The door of channel adapters and back ends: one event, many, or a line each."""

from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from ingest.doors import Doors, refuse_when_limited
from ingest.keys import Found
from ingest.once import run_once
from ingest.reading import EVENT_BYTES, items_of, items_of_lines
from service_kit.bodies import may_be_unkeepable, read_body
from service_kit.problems import Problem

BODY_BYTES: Final = 5_000_000
EVENTS: Final = 1_000
LINES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)

router = APIRouter(tags=["events"])

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"oneOf": [{"type": "object"}, {"type": "array"}]}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


@router.post("/v1/events", status_code=202, openapi_extra=_BODY)
async def post_events(request: Request) -> Response:
    """Accept up to 1,000 events; one bad event never sinks its neighbours."""
    doors: Doors = request.app.state.service_state
    found = _authorised(request, doors)
    read = _reader(request)
    body = await read_body(request, BODY_BYTES)
    items = read(body)
    if len(items) > EVENTS:
        raise Problem(413, "too-large", "At most 1,000 events are taken at once.")
    verdict = doors.take_of_key(found, len(items))
    refuse_when_limited(verdict)

    async def run() -> bytes:
        outcome = await doors.accept(
            found, items, suspicious=may_be_unkeepable(body), large=len(body) > EVENT_BYTES
        )
        return orjson.dumps(outcome.document())

    answer = await run_once(request.app.state.runtime, found, request.headers, body, run)
    return Response(answer, 202, verdict.headers, "application/json")


def _authorised(request: Request, doors: Doors) -> Found:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    found = doors.keys.find_key(key.strip(), "api") if scheme.lower() == "bearer" else None
    if found is None:
        raise Problem(
            401,
            "unauthenticated",
            "An API key is needed, as Authorization: Bearer ak_….",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if "events:write" not in found.key.scopes:
        raise Problem(403, "missing-scope", "The key lacks the scope events:write.")
    return found


def _reader(request: Request) -> Any:
    media = request.headers.get("content-type", "application/json").partition(";")[0]
    media = media.strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported-media-type", "Compressed bodies are not taken.")
    if media in LINES:
        return items_of_lines
    if media == "application/json" or media.endswith("+json"):
        return items_of
    raise Problem(415, "unsupported-media-type", "Send application/json or application/x-ndjson.")
