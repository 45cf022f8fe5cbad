"""Operations: how all services are doing, and what they gave up."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from contacts_api import actions
from contacts_api.dashboard import ops_view as views
from contacts_api.dashboard.sign_in_pages import AGENT_COOKIE
from contacts_api.dashboard.visit import Visit, see_other
from contacts_api.domain.lag_words import WORST_FIRST
from service_kit.problems import Problem


async def show_ops(visit: Visit) -> Response:
    """The figures alone for the part that renews itself; it asks nobody, the poller has asked."""
    visit = _at_an_agent(visit)
    lag = await actions.get_lag(visit.state, visit.principal)
    trend = await actions.get_trend(visit.state, visit.principal)
    figures: dict[str, Any] = {
        "tiles": views.tiles(lag, trend),
        "services": views.services(lag),
        "streams": views.streams(lag, WORST_FIRST),
        "section": "ops",
    }
    if visit.target == "figures":
        return visit.show("ops.html", block="figures", **figures)
    letters = await actions.list_dead_letters(visit.state, visit.principal)
    return visit.show(
        "ops.html", letters=letters["data"], unavailable=letters["unavailable"],
        may_redrive="workspace:manage" in visit.principal.scopes, notice=visit.notice(), **figures,
    )  # fmt: skip


async def redrive(visit: Visit) -> Response:
    visit, letter = _at_an_agent(visit), str(visit.request.path_params["letter"])
    try:
        done = await actions.redrive_dead_letter(visit.state, visit.principal, letter)
    except Problem as problem:
        if problem.status not in (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE):
            raise
        return see_other("/ops", "not-redriven")
    return see_other("/ops", "redriven" if done["redriven"] else "redriven-before")


def _at_an_agent(visit: Visit) -> Visit:
    """The page is no agent's; rights and the way back are those of the agent seen last."""
    seen = visit.request.cookies.get(AGENT_COOKIE)
    chosen = next((a for a in visit.agents if a.id == seen), None) or next(iter(visit.agents), None)
    if chosen is None:
        raise Problem(404, "not-found", "This workspace has no agent yet.")
    return replace(visit, agent=chosen)
