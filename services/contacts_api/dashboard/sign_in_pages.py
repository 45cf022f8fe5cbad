"""Signing in and out, and the start page."""

import secrets
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import Response

from contacts_api import actions
from contacts_api.dashboard.visit import Visit, see_other
from service_kit.problems import Problem

SESSION_SECONDS: Final = 7 * 86_400
AGENT_COOKIE: Final = "kith-agent"


async def show_sign_in(visit: Visit) -> Response:
    if visit.user:
        return see_other(_local(visit.request.query_params.get("next", "/")))
    return _form(visit, next_=visit.request.query_params.get("next", "/"))


async def sign_in(visit: Visit) -> Response:
    login, target = visit.form.get("login", "").strip(), visit.form.get("next", "/")
    address = visit.request.client.host if visit.request.client else ""
    try:
        token, _ = await actions.sign_in(
            visit.state, login, visit.form.get("password", ""), address
        )
    except Problem as problem:
        if problem.status not in (401, 429):
            raise
        wrong = "Login or password is wrong." if problem.status == 401 else (
            "Too many tries. Wait a minute, then try again."
        )  # fmt: skip
        response = _form(visit, login=login, next_=target, wrong=wrong, status=problem.status)
        response.headers.update(problem.headers)
        return response
    if visit.user:
        await actions.sign_out(visit.state, visit.token)
    response = see_other(_local(target))
    _keep(visit, response, token)
    return response


def _form(
    visit: Visit, next_: str, login: str = "", wrong: str | None = None, status: int = 200
) -> Response:
    """The form is bound to a cookie of its own, which opens nothing; signing in replaces it."""
    token = visit.token or secrets.token_urlsafe(32)
    response = visit.show(
        "sign_in.html", status=status, who=None, login=login, wrong=wrong, next=_local(next_),
        csrf=lambda: visit.desk.csrf.token(token),
    )  # fmt: skip
    if not visit.token:
        _keep(visit, response, token)
    return response


def _keep(visit: Visit, response: Response, token: str) -> None:
    response.set_cookie(
        visit.desk.cookie, token, max_age=SESSION_SECONDS, path="/", secure=visit.desk.secure,
        httponly=True, samesite="lax",
    )  # fmt: skip


def _local(target: str) -> str:
    """Where to go after signing in: a path of this dashboard, never another host."""
    parts = urlsplit(target)
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and "\\" not in target
    return (
        target if safe and not parts.netloc and not parts.scheme and target.isprintable() else "/"
    )


async def sign_out(visit: Visit) -> Response:
    await actions.sign_out(visit.state, visit.token)
    response = see_other("/login")
    response.delete_cookie(
        visit.desk.cookie, path="/", secure=visit.desk.secure, httponly=True, samesite="lax"
    )
    return response


async def show_start(visit: Visit) -> Response:
    """The list of the agent that was asked for, else of the one seen last."""
    wanted = (
        visit.request.query_params.get("agent"),
        visit.request.cookies.get(AGENT_COOKIE),
    )
    ids = [agent.id for agent in visit.agents]
    chosen = next((agent for agent in wanted if agent in ids), ids[0] if ids else None)
    if chosen is None:
        raise Problem(404, "not-found", "This workspace has no agent yet.")
    return see_other(f"/a/{chosen}/contacts")


def remember_agent(visit: Visit, response: Response) -> None:
    if visit.agent and visit.request.cookies.get(AGENT_COOKIE) != visit.agent.id:
        response.set_cookie(
            AGENT_COOKIE, visit.agent.id, max_age=365 * 86_400, path="/",
            secure=visit.desk.secure, httponly=True, samesite="lax",
        )  # fmt: skip
