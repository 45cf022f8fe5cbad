"""One contact: header, tabs and facts, and the small forms beside them."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from contacts_api import actions
from contacts_api.actions import Written
from contacts_api.dashboard import contact_view as views
from contacts_api.dashboard.sign_in_pages import remember_agent
from contacts_api.dashboard.visit import Visit, see_other
from contacts_api.dashboard.words import AUDIENCES
from service_kit.problems import Problem

TABS: Final = ("timeline", "notes", "merges")
TAB_WORDS: Final = {"timeline": "Timeline", "notes": "Notes", "merges": "Merges"}
TIMELINE_ROWS: Final = 30
TIMELINE_FILTER: Final = (
    "message", "page_viewed", "lead_captured", "identified", "tagged", "conversation_closed",
    "note", "merged", "split",
)  # fmt: skip
NOTES_ROWS: Final = 200
REFUSALS: Final = frozenset({400, 409, 412, 422})


async def show_contact(visit: Visit) -> Response:
    params = visit.request.query_params
    tab = params.get("tab", "timeline")
    if tab not in TABS:
        raise Problem(404, "not-found", "There is no such tab.")
    if visit.target == "older":
        return visit.show("timeline_entries.html", **await _timeline_only(visit))
    contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
    block = "panel" if visit.target == "panel" else None
    response = await _page(visit, contact, tab, block)
    remember_agent(visit, response)
    return response


async def _timeline_only(visit: Visit) -> dict[str, Any]:
    return {"here": visit.here, "timeline": await _timeline(visit)}


async def _page(
    visit: Visit, contact: dict[str, Any], tab: str, block: str | None = None, **more: Any
) -> Response:
    notes = await actions.list_notes(
        visit.state, visit.principal, visit.contact_id, limit=NOTES_ROWS
    )
    journal = await actions.list_merges(visit.state, visit.principal, visit.contact_id)
    merges = views.merges(journal["data"], visit.now, visit.principal)
    standing = sum(1 for merge in merges if not merge["undone_at"])
    counts = {"notes": len(notes["data"]), "merges": standing}
    shown: dict[str, Any] = {
        "c": contact,
        "here": visit.here,
        "notice": visit.notice(),
        "banner": views.banner(merges),
        "tabs": [{"key": t, "name": TAB_WORDS[t], "count": counts.get(t)} for t in TABS],
        "tab_key": tab,
        "timeline": await _timeline(visit) if tab == "timeline" else None,
        "notes": notes["data"],
        "merges": merges,
        **_facts(visit, contact),
    }
    return visit.show("contact.html", block=block, **{**shown, **more})


def _facts(visit: Visit, contact: dict[str, Any]) -> dict[str, Any]:
    return {
        "profile": views.profile(contact),
        "identifiers": views.identifiers(contact),
        "said_values": views.said_values(contact),
        "attribute_labels": {},
        "audiences": _audiences(visit, contact),
        "tags_problem": None,
        "note_problem": None,
        "note_text": None,
        "timeline_types": TIMELINE_FILTER,
    }


def _audiences(visit: Visit, contact: dict[str, Any]) -> list[str]:
    """The agent's audiences, and the one that is set, should it no longer be among them."""
    known = visit.principal.policies.audiences or tuple(AUDIENCES)
    return list(dict.fromkeys([*known, contact["audience"]["value"]]))


async def _timeline(visit: Visit) -> dict[str, Any]:
    params = visit.request.query_params
    asked = {name: params[name] for name in ("channel", "type", "cursor") if params.get(name)}
    page = await actions.list_timeline(
        visit.state,
        visit.principal,
        visit.contact_id,
        limit=TIMELINE_ROWS,
        cursor=asked.get("cursor"),
        channels=[asked["channel"]] if "channel" in asked else [],
        types=[asked["type"]] if "type" in asked else [],
    )
    headed = params.get("day", "") if asked.get("cursor") else ""
    days = views.days(page["data"], visit.now, headed)
    last = next((heading for heading, _ in reversed(days) if heading), headed)
    following = {**asked, "tab": "timeline", "cursor": page["next_cursor"], "day": last}
    return {
        "days": days,
        "channel": asked.get("channel", ""),
        "type": asked.get("type", ""),
        "older": f"{visit.here}?{urlencode(following)}" if page["next_cursor"] else None,
        "older_of": asked.get("cursor"),
    }


async def change_tags(visit: Visit) -> Response:
    added, removed = visit.form.get("add", "").strip(), visit.form.get("remove", "")
    change = {"add_tags": [added]} if added else {"remove_tags": [removed]}
    return await _change(visit, change, "tags")


async def change_audience(visit: Visit) -> Response:
    value = None if visit.form.get("release") else visit.form.get("audience")
    return await _change(visit, {"audience": value}, "audience")


async def _change(visit: Visit, change: dict[str, Any], region: str) -> Response:
    """A small edit: the region again for htmx, else the page; a refusal is said beside the form."""
    try:
        written = await actions.edit_contact(visit.state, visit.principal, visit.contact_id, change)
    except Problem as problem:
        if problem.status not in REFUSALS:
            raise
        contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
        return await _part(visit, contact, region, in_words(problem))
    if not visit.by_htmx:
        return see_other(visit.here, notice_of(written))
    contact = written.contact or await actions.get_contact(
        visit.state, visit.principal, visit.contact_id
    )
    return await _part(
        visit, contact, region, "Not visible yet." if written.contact is None else None
    )


async def _part(
    visit: Visit, contact: dict[str, Any], region: str, problem: str | None
) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    facts = {**_facts(visit, contact), "tags_problem": problem}
    if visit.by_htmx:
        return visit.show(
            "contact.html", block=region, status=status, c=contact, here=visit.here, **facts
        )
    response = await _page(visit, contact, "timeline", **facts)
    response.status_code = status
    return response


async def add_note(visit: Visit) -> Response:
    text = visit.form.get("text", "").strip()
    refusal: dict[str, Any] = {}
    if not visit.desk.first_time(visit.once):
        return await _notes(visit, refusal)
    try:
        await actions.add_note(visit.state, visit.principal, visit.contact_id, text)
    except Problem as problem:
        if problem.status not in REFUSALS:
            raise
        refusal = {"note_problem": in_words(problem), "note_text": text}
    return await _notes(visit, refusal)


async def delete_note(visit: Visit) -> Response:
    note = str(visit.request.path_params["note"])
    await actions.delete_note(visit.state, visit.principal, visit.contact_id, note)
    return await _notes(visit, {})


async def _notes(visit: Visit, refusal: dict[str, Any]) -> Response:
    if not refusal and not visit.by_htmx:
        return see_other(f"{visit.here}?tab=notes", "saved")
    contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
    block = "panel" if visit.by_htmx else None
    response = await _page(visit, contact, "notes", block, **refusal)
    response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK
    return response


def notice_of(written: Written) -> str:
    if written.outcome == "pending":
        return "pending"
    if written.outranked:
        return "outranked"
    return "unchanged" if written.outcome == "unchanged" else "saved"


def in_words(problem: Problem) -> str:
    """What was refused, as one sentence for the reader."""
    return " ".join(dict.fromkeys(error.detail for error in problem.errors)) or problem.detail
