"""Merging two contacts by hand, and undoing any merge of the last 30 days."""

import re
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from contacts_api import actions
from contacts_api.actions import MovedError
from contacts_api.dashboard import contact_view as views
from contacts_api.dashboard.contact_pages import in_words
from contacts_api.dashboard.visit import Visit, see_other
from contacts_api.domain.invalid import InvalidError
from contacts_api.domain.list_query import parse_list_query
from service_kit.problems import Problem

FOUND_ROWS: Final = 10
CONTACT_ID: Final = re.compile(r"contact_[a-z2-7]{26}")


async def show_merge(visit: Visit) -> Response:
    contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
    other = visit.request.query_params.get("other")
    if other:
        return await _confirm(visit, contact, other)
    return await _find(visit, contact)


async def _find(visit: Visit, contact: dict[str, Any], problem: str | None = None) -> Response:
    search = visit.request.query_params.get("q", "").strip()
    others = [] if problem else await _others(visit, contact, search)
    return visit.show(
        "merge.html", c=contact, here=visit.here, q=search, others=others, problem=problem
    )


async def _others(visit: Visit, contact: dict[str, Any], search: str) -> list[dict[str, Any]]:
    if CONTACT_ID.fullmatch(search):
        try:
            found = [await actions.get_contact(visit.state, visit.principal, search)]
        except (Problem, MovedError):
            found = []
    else:
        found = await _search(visit, search) if search else await _alike(visit, contact)
    return [other for other in found if other["id"] != contact["id"]][:FOUND_ROWS]


async def _alike(visit: Visit, contact: dict[str, Any]) -> list[dict[str, Any]]:
    """Contacts of the same name: the most that can be suggested before anybody has searched."""
    return await _search(visit, contact["name"]) if contact["name"] else []


async def _search(visit: Visit, text: str) -> list[dict[str, Any]]:
    try:
        query = parse_list_query(
            [("q", text), ("limit", str(FOUND_ROWS + 1))], visit.principal.region
        )
    except InvalidError:
        return []
    found = await actions.list_contacts(visit.state, visit.principal, query)
    return list(found["data"])


async def _confirm(
    visit: Visit, contact: dict[str, Any], other_id: str, problem: str | None = None
) -> Response:
    try:
        other = await actions.get_contact(visit.state, visit.principal, other_id)
    except MovedError as error:
        other = await actions.get_contact(visit.state, visit.principal, error.contact)
    except Problem as missing:
        if missing.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise
        return await _find(visit, contact, "The other contact is not here any more.")
    if other["id"] == contact["id"]:
        return await _find(visit, contact, "These are one contact already.")
    return visit.show(
        "merge_confirm.html",
        status=HTTPStatus.CONFLICT if problem else HTTPStatus.OK,
        c=contact, other=other, here=visit.here, problem=problem,
        compared=views.compared(contact, other),
    )  # fmt: skip


async def merge(visit: Visit) -> Response:
    other = visit.form.get("other", "")
    body = {"into": other}
    if visit.form.get("survivor"):
        body["survivor"] = visit.form["survivor"]
    try:
        written = await actions.merge_contacts(visit.state, visit.principal, visit.contact_id, body)
    except MovedError as error:
        if error.contact != other:
            raise
        return see_other(f"{visit.base}/contacts/{other}", "merged")
    except Problem as problem:
        if problem.code == "same-contact":
            return see_other(visit.here, "merged")
        if problem.status not in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise
        contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
        return await _confirm(visit, contact, other, in_words(problem))
    if written.contact is None:
        return see_other(visit.here, "pending")
    return see_other(f"{visit.base}/contacts/{written.contact['id']}", "merged")


async def undo(visit: Visit) -> Response:
    merge_id = str(visit.request.path_params["merge"])
    written = await actions.undo_merge(visit.state, visit.principal, merge_id)
    stands = [contact["id"] for contact in written.contacts]
    asked = visit.form.get("contact")
    shown = asked if asked in stands or not stands else stands[0]
    path = f"{visit.base}/contacts/{shown}?tab=merges" if shown else f"{visit.base}/contacts"
    return see_other(path, "pending" if written.outcome == "pending" else "undone")
