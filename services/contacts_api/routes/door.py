"""What every call goes through: the key, its limits, the body, the answer."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from contacts_api.actions.keys import find_caller
from contacts_api.actions.outcomes import MovedError, Written
from contacts_api.actions.reading import wrong_parameter
from contacts_api.domain.list_query import DEFAULT_LIMIT, read_limit
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from service_kit.bodies import parse_json, read_body, unkeepable
from service_kit.problems import FieldError, Problem, field_errors

B = TypeVar("B", bound=BaseModel)
MAX_BODY_BYTES = 1_000_000
MAX_BATCH_BYTES = 10_000_000
JSON_TYPES = ("application/json", "text/json")
NEEDS_KEY = "This needs an API key: Authorization: Bearer ak_…"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    location: str | None = None
    etag: int | None = None


@dataclass
class Call:
    """One request of an API key."""

    request: Request
    state: State
    principal: Principal
    headers: dict[str, str] = field(default_factory=dict)
    """Go on every answer of this call."""


async def enter(request: Request) -> AsyncIterator[Call]:
    """The caller by his key, within his limits. A merged id becomes a redirect on the way out."""
    state: State = request.app.state.service_state
    call = await _authenticate(request, state)
    try:
        yield call
    except MovedError as moved:
        path = request.url.path.replace(f"/{moved.was}", f"/{quote(moved.contact)}", 1)
        query = f"?{request.url.query}" if request.url.query else ""
        raise Problem(
            307,
            "moved",
            "This contact was merged into another one.",
            headers={**call.headers, "Location": path + query},
            extra={"survivor": moved.contact},
        ) from None
    except Problem as problem:
        raise replace(problem, headers={**call.headers, **problem.headers}) from None


async def _authenticate(request: Request, state: State) -> Call:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    found = None
    if scheme.lower() == "bearer" and key.startswith("ak_") and len(key) <= 200:
        found = await find_caller(state, key)
    if found is None:
        raise Problem(401, "unauthenticated", NEEDS_KEY, headers={"WWW-Authenticate": "Bearer"})
    principal, limits, own = found
    factor = 1.0 if own else state.settings.limits_multiplier
    verdict = state.calls.take(
        principal.id,
        1,
        time.monotonic(),
        rate=limits.api_per_key * factor,
        burst=limits.api_burst * factor,
    )
    if not verdict.allowed:
        raise Problem(429, "rate-limited", "Too many calls with this key.", headers=verdict.headers)
    return Call(request, state, principal, verdict.headers)


Caller = Annotated[Call, Depends(enter)]


def respond(call: Call, answer: Answer) -> Response:
    headers = dict(call.headers)
    if answer.location is not None:
        headers["Location"] = answer.location
    etag = answer.etag
    if etag is None and isinstance(answer.body, dict) and answer.body.get("object") == "contact":
        etag = answer.body.get("version")
    if etag is not None:
        headers["ETag"] = f'"{etag}"'
    if answer.status == 204:
        return Response(status_code=204, headers=headers)
    media = "application/problem+json" if answer.status >= 400 else "application/json"
    return Response(orjson.dumps(answer.body), answer.status, headers, media)


def ok(call: Call, body: Any) -> Response:
    return respond(call, Answer(200, body))


async def read_json(request: Request, limit: int = MAX_BODY_BYTES) -> tuple[bytes, Any]:
    """The body and what it says. Raises Problem 400, 413, 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind not in JSON_TYPES and not kind.endswith("+json"):
        raise Problem(415, "unsupported-media-type", "The body must be application/json.")
    body = await read_body(request, limit)
    return body, parse_json(body)


def read_model(model: type[B], value: Any) -> B:
    """Raises Problem 422 with every field that is wrong."""
    pointer = unkeepable(value)
    if pointer is not None:
        error = FieldError(pointer, "invalid", "Holds a value that cannot be kept.")
        raise Problem(422, "invalid", "Some fields are not valid.", errors=[error])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem(
            422, "invalid", "Some fields are not valid.", errors=field_errors(error)
        ) from None


def only(body: Any, *fields: str) -> dict[str, Any]:
    """The body as an object of these fields. Raises Problem 422 naming any other."""
    if not isinstance(body, dict):
        raise Problem(
            422,
            "invalid",
            "Some fields are not valid.",
            errors=[FieldError("", "invalid", "Must be an object.")],
        )
    unknown = [name for name in body if name not in fields]
    if unknown:
        errors = [
            FieldError(f"/{name[:64]}", "unknown-field", "There is no such field here.")
            for name in unknown
        ]
        raise Problem(422, "invalid", "Some fields are not valid.", errors=errors)
    return body


def parameters(request: Request, *known: str, many: Iterable[str] = ()) -> dict[str, list[str]]:
    """Query parameters by name. Raises Problem 422 for one that is unknown or given twice."""
    repeated = frozenset(many)
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if name not in known and name not in repeated:
            raise wrong_parameter(name, "There is no such parameter.")
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if len(values) > 1 and name not in repeated:
            raise wrong_parameter(name, "May be given once.")
    return given


def page_of(given: Mapping[str, list[str]]) -> dict[str, Any]:
    """``cursor`` and ``limit`` as actions take them."""
    limit = DEFAULT_LIMIT
    if "limit" in given:
        try:
            limit = read_limit("limit", given["limit"][0])["limit"]
        except ValueError as error:
            raise wrong_parameter("limit", str(error)) from None
    return {"cursor": given.get("cursor", [None])[0], "limit": limit}


def expected_version(request: Request) -> int | None:
    """`If-Match` as ETag or bare number; ``*`` matches any. Raises Problem 412 for another."""
    given = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if given in {"", "*"}:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise Problem(412, "version-conflict", "If-Match is no version of this contact.")
    return int(given)


def answer_of(kind: str, end: Written) -> Answer:
    """What the call that ordered a command of this kind answers."""
    if end.outcome == "pending":
        body = {"status_url": end.status_url, "command_id": end.command}
        return Answer(202, body, location=end.status_url)
    outranked = {"outranked": list(end.outranked)} if end.outranked else {}
    if kind == "undo":
        return Answer(200, {"contacts": end.contacts})
    assert end.contact is not None
    if kind == "merge":
        return Answer(200, {"merge_id": end.merge, "contact": end.contact})
    if kind == "create" and end.outcome == "created":
        return Answer(201, end.contact | outranked, location=f"/v1/contacts/{end.contact['id']}")
    return Answer(200, end.contact | outranked)
