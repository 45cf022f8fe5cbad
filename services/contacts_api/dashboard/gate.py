"""The way into every page: sign-in, role, origin and token first; failures become pages of their
own.
"""

import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import parse_qsl, quote

import structlog
from starlette.requests import Request
from starlette.responses import Response

from contacts_api import actions
from contacts_api.actions import MovedError
from contacts_api.dashboard import security
from contacts_api.dashboard.visit import Desk, Visit, moved, see_other
from contacts_api.domain.principal import ROLES, Agent, Role
from service_kit.bodies import read_body
from service_kit.outcomes import Retry, is_transient
from service_kit.problems import Problem

FORM_BYTES: Final = 256 * 1024
FORM_FIELDS: Final = 500
GZIP_FROM: Final = 1_000
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
TEXTS: Final = {
    401: ("Sign in", "Your session is over. Sign in again."),
    403: ("Not allowed", "You can view this, but not change it."),
    404: ("Not found", "There is nothing here. It may be another agent’s, or the link is cut off."),
    410: ("Erased", "This person was erased. Nothing about them is kept."),
    429: ("Too many requests", "Wait a moment and try again."),
    503: ("Not available", "The contacts database does not answer. Try again in a moment."),
}  # fmt: skip
_log = structlog.get_logger()

Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    method: Literal["GET", "POST"]
    path: str
    role: Role | None
    """The least role that may; None: no sign-in."""
    handler: Handler


def guarded(route: Route, desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of this route: nothing of its handler runs before the gate is passed."""

    async def endpoint(request: Request) -> Response:
        visit = Visit(
            desk, request, datetime.now(UTC), request.app.state.service_state,
            request.cookies.get(desk.cookie, ""),
        )  # fmt: skip
        try:
            visit = await _enter(visit, route)
            response = await route.handler(visit)
        except MovedError as error:
            response = moved(_moved_path(request, error))
        except Problem as problem:
            response = _refuse(visit, problem)
        except Exception as error:
            response = _refuse(visit, _unforeseen(error, request))
        return _finish(request, response)

    return endpoint


async def _enter(visit: Visit, route: Route) -> Visit:
    request = visit.request
    user = await actions.signed_in(visit.state, visit.token) if visit.token else None
    if user:
        agents = tuple(await actions.agents_of(visit.state, user))
        visit = replace(visit, user=user, agents=agents, agent=_agent(request, agents))
    if request.method not in SAFE_METHODS:
        visit = replace(visit, form=await _checked_form(visit))
    if route.role is None:
        return visit
    if visit.user is None:
        raise Problem(401, "unauthenticated", TEXTS[401][1])
    if ROLES.index(visit.user.role) < ROLES.index(route.role):
        raise Problem(403, "missing-scope", TEXTS[403][1])
    if "agent" in request.path_params and visit.agent is None:
        raise Problem(404, "not-found", TEXTS[404][1])
    return visit


def _agent(request: Request, agents: tuple[Agent, ...]) -> Agent | None:
    wanted = request.path_params.get("agent")
    return next((agent for agent in agents if agent.id == wanted), None)


async def _checked_form(visit: Visit) -> dict[str, str]:
    """The fields of a form that one of our own pages sent. Raises 403 for any other."""
    body = await read_body(visit.request, FORM_BYTES)
    if not security.is_from_here(visit.request.headers, visit.desk.public_url):
        raise Problem(
            403, "foreign-origin", "This form did not come from a page of this dashboard."
        )
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict"
        )
    except ValueError:
        raise Problem(400, "malformed", "The form could not be read.") from None
    form = dict(pairs)
    if not visit.token or not visit.desk.csrf.accepts(visit.token, form.get("csrf", "")):
        raise Problem(403, "csrf", "This form is too old. Open the page again.")
    return form


def _moved_path(request: Request, error: MovedError) -> str:
    """The same page of the contact that this one became part of."""
    path = request.url.path.replace(quote(error.was), quote(error.contact), 1)
    query = [(k, v) for k, v in request.query_params.multi_items() if k != "notice"]
    return path + "?" + "&".join([*(f"{quote(k)}={quote(v)}" for k, v in query), "notice=moved"])


def _unforeseen(error: Exception, request: Request) -> Problem:
    request_id = request.scope.get("request_id", "")
    if isinstance(error, Retry) or is_transient(error):
        _log.warning("page.unavailable", error=type(error).__name__, request_id=request_id)
        return Problem(503, "unavailable", TEXTS[503][1], headers={"Retry-After": "1"})
    _log.error("page.failed", error=type(error).__name__, request_id=request_id, exc_info=error)
    return Problem(500, "internal", "Something failed here that should not have.")


def _refuse(visit: Visit, problem: Problem) -> Response:
    if problem.status == HTTPStatus.UNAUTHORIZED and not visit.by_htmx:
        path = visit.request.url.path if visit.request.method in SAFE_METHODS else "/"
        query = visit.request.url.query if visit.request.method in SAFE_METHODS else ""
        return see_other(f"/login?next={quote(f'{path}?{query}' if query else path)}")
    title, text = TEXTS.get(problem.status, ("That did not work", problem.detail))
    if problem.code in {"csrf", "foreign-origin"}:
        title, text = "Not accepted", problem.detail
    response = visit.show(
        "error.html", status=problem.status, title=title, text=text,
        request_id=visit.request.scope.get("request_id", ""), status_code=problem.status,
    )  # fmt: skip
    response.headers.update(problem.headers)
    if visit.by_htmx:
        response.headers["HX-Reswap"] = "none"
        response.headers["HX-Trigger"] = json.dumps({"warn": text})
    return response


def _finish(request: Request, response: Response) -> Response:
    for name, value in security.PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    body = bytes(response.body)
    if len(body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(body, compresslevel=5, mtime=0)
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = f"{response.headers['Vary']}, Accept-Encoding"
    return response
