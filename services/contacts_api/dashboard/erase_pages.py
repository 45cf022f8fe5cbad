"""Erasing a person: the page that asks, and the page that shows how far it is."""

from http import HTTPStatus

from starlette.responses import Response

from contacts_api import actions
from contacts_api.dashboard import erasure_view as views
from contacts_api.dashboard.visit import Visit, see_other
from service_kit.problems import Problem


async def show_erase(visit: Visit) -> Response:
    return await _ask(visit)


async def _ask(visit: Visit, wrong: str | None = None) -> Response:
    contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
    return visit.show(
        "erase.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        c=contact, here=visit.here, goes=views.goes(contact),
        match=views.to_type(contact), wrong=wrong,
    )  # fmt: skip


async def erase(visit: Visit) -> Response:
    try:
        erasure = await actions.erase_contact(
            visit.state,
            visit.principal,
            visit.contact_id,
            confirmation=visit.form.get("typed", ""),
        )
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return await _ask(visit, "This is not the same. Nothing was erased.")
    return see_other(f"{visit.base}/erasures/{erasure['id']}")


async def show_erasure(visit: Visit) -> Response:
    erasure_id = str(visit.request.path_params["erasure"])
    erasure = await actions.get_erasure(visit.state, visit.principal, erasure_id)
    block = "progress" if visit.target == "progress" else None
    href = f"{visit.base}/erasures/{erasure_id}"
    return visit.show("erasure.html", block=block, e=views.erasure(erasure, href))
