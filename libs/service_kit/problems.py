"""Every answer of 4xx and 5xx is a problem document (RFC 9457). None repeats what was sent."""

import http
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils.compat import uuid7

from service_kit import metrics
from service_kit.outcomes import Retry, is_transient

_CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "missing-scope",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    410: "erased",
    412: "version-conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "rate-limited",
    500: "internal",
    503: "unavailable",
}
_log = structlog.get_logger()


@dataclass(frozen=True)
class FieldError:
    """`field` is a JSON pointer or the name of a parameter; `detail` never repeats the value."""

    field: str
    code: str
    detail: str


@dataclass
class Problem(Exception):
    """Raise it anywhere below a route: the caller gets it as application/problem+json."""

    status: int
    code: str
    detail: str
    hint: str | None = None
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the document, such as the survivor of a merge."""

    def __str__(self) -> str:
        return f"{self.status} {self.code}"

    def document(self, request_id: str = "") -> dict[str, Any]:
        """The members in their order; usable for one item of a batch too."""
        try:
            title = http.HTTPStatus(self.status).phrase
        except ValueError:
            title = "Error"
        shown: dict[str, Any] = {
            "type": f"urn:kith:problem:{self.code}",
            "title": title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.hint:
            shown["hint"] = self.hint
        shown["errors"] = [
            {"field": e.field, "code": e.code, "detail": e.detail} for e in self.errors
        ]
        return {**shown, "request_id": request_id, **self.extra}


def field_errors(error: ValidationError | RequestValidationError) -> list[FieldError]:
    """pydantic's findings by JSON pointer (body) or parameter name, without the values."""
    return [
        FieldError(_field(tuple(e["loc"])), str(e["type"]).replace("_", "-"), _detail(e))
        for e in error.errors()
    ]


def _field(location: tuple[Any, ...]) -> str:
    if location and location[0] in ("query", "path", "header", "cookie"):
        return ".".join(str(part) for part in location[1:])
    parts = location[1:] if location and location[0] == "body" else location
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in parts)


def _detail(error: Mapping[str, Any]) -> str:
    # Own validators may quote what they refuse, and so may parsers; their kind says enough.
    quoting = ("value_error", "assertion_error", "json_invalid", "union_tag_invalid", "enum")
    return "The value is not valid." if error["type"] in quoting else str(error["msg"])


def install(app: FastAPI) -> None:
    """Make every failure of this app a problem document, and give each answer a request id."""
    app.add_middleware(RequestIds)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_unforeseen)


def respond(request: Request, problem: Problem) -> JSONResponse:
    document = problem.document(request.scope.get("request_id", ""))
    return JSONResponse(
        document, problem.status, dict(problem.headers), media_type="application/problem+json"
    )


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return respond(request, error)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "error")
    detail = http.HTTPStatus(error.status_code).description or "The request was refused."
    return respond(
        request, Problem(error.status_code, code, detail, headers=dict(error.headers or {}))
    )


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    if any(e["type"] == "json_invalid" for e in error.errors()):
        return respond(request, Problem(400, "malformed", "The body is not JSON."))
    problem = Problem(422, "invalid", "Some fields are not valid.", errors=field_errors(error))
    return respond(request, problem)


def unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "Something this answer needs is down for the moment.",
        hint="Try again with the same Idempotency-Key.",
        headers={"Retry-After": "1"},
    )


async def _on_unforeseen(request: Request, error: Exception) -> JSONResponse:
    return respond(request, _of(error, request.scope.get("request_id", "")))


def _of(error: Exception, request_id: str) -> Problem:
    if isinstance(error, Retry) or is_transient(error):
        _log.warning("request.unavailable", error=type(error).__name__, request_id=request_id)
        return unavailable()
    _log.error("request.failed", error=type(error).__name__, request_id=request_id, exc_info=error)
    return Problem(500, "internal", "Something failed here that should not have.")


class RequestIds:
    """Gives every request an id, and makes a problem of what nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["request_id"] = str(uuid7())
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                metrics.count("http.requests", status=str(message["status"]))
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:
            if started:
                raise
            response = respond(Request(scope), _of(error, request_id))
            await response(scope, receive, send_with_id)
