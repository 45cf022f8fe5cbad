"""The list of contacts: its address is its state, read by the same parser as the API's."""

import json
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from contacts_api import actions
from contacts_api.dashboard import list_view as lists
from contacts_api.dashboard.sign_in_pages import remember_agent
from contacts_api.dashboard.visit import Visit, see_other
from contacts_api.dashboard.words import CRM_STATES, number
from contacts_api.domain.invalid import InvalidError
from contacts_api.domain.list_query import DEFAULT_LIMIT, ListQuery, parse_list_query
from service_kit.problems import Problem

COUNT_LIMIT: Final = 10_000
BLOCKS: Final = {"list": "list", "results": "results"}
NOTHING: Final[dict[str, Any]] = {"data": [], "next_cursor": None, "prev_cursor": None}


async def show_list(visit: Visit) -> Response:
    given = tuple(visit.request.query_params.multi_items())
    pairs = lists.canonical(given) if any(n == "form" for n, _ in given) else given
    if pairs != given and not visit.by_htmx:
        return see_other(lists.address(visit.base, pairs))
    wrong: dict[str, str] = {}
    query, found, count = ListQuery(), NOTHING, None
    try:
        query = parse_list_query(lists.asked(pairs), visit.principal.region)
        found = await actions.list_contacts(visit.state, visit.principal, query)
        count = await actions.count_contacts(visit.state, visit.principal, query)
    except InvalidError as error:
        wrong = {w.field: w.detail for w in error.wrongs}
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        wrong = {e.field: e.detail for e in problem.errors} or {"": problem.detail}
    return await _answer(visit, pairs, query, found, count, wrong)


async def _answer(
    visit: Visit,
    pairs: lists.Pairs,
    query: ListQuery,
    found: dict[str, Any],
    count: int | None,
    wrong: dict[str, str],
) -> Response:
    block = BLOCKS.get(visit.target)
    view = lists.view_of(pairs)
    chips = lists.chips(visit.base, pairs, view, frozenset(wrong))
    rows = found["data"]
    at = _at(pairs) if query.cursor else 1
    range_words = f"{number(at)}–{number(at + len(rows) - 1)}" if rows else ""
    search = next((value for name, value in pairs if name == "q"), "")
    sort = f"{'-' if query.descending else ''}{query.sort}"
    crm_shown = any(row["crm"] for row in rows)
    response = visit.show(
        "contacts.html",
        block=block,
        swapped=block == "results",
        tabs=[
            {"key": v.key, "name": v.name, "href": lists.address(visit.base, v.filters)}
            for v in lists.VIEWS
        ],
        view={
            "key": view.key, "name": view.name, "title": view.title,
            "href": lists.address(visit.base, view.filters),
        },
        count=_count_words(count),
        query={"q": search},
        kept={
            "search": lists.without(pairs, "q"),
            "filter": lists.without(pairs),
            "limit": lists.without(pairs, "limit"),
        },
        known_tags=[] if block else await actions.list_tags(visit.state, visit.principal),
        audiences=visit.principal.policies.audiences,
        CRM_STATES=CRM_STATES,
        chips=chips,
        problem={"sentences": _wrong_words(wrong)} if wrong else None,
        rows=rows,
        columns=lists.columns(visit.base, pairs, sort, crm_shown),
        crm_shown=crm_shown,
        sort_words=lists.SORT_WORDS.get(sort, sort),
        limit=query.limit or DEFAULT_LIMIT,
        range_words=range_words,
        pages=lists.pager(
            visit.base, pairs, at, len(rows), query.limit,
            found["next_cursor"], found["prev_cursor"],
        ),
        sentence=lists.sentence(view, chips, search),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
    )  # fmt: skip
    if visit.by_htmx:
        response.headers["HX-Push-Url"] = lists.address(visit.base, pairs)
        said = f"Rows {range_words}" if rows else "No contact matches"
        response.headers["HX-Trigger"] = json.dumps({"say": said})
    remember_agent(visit, response)
    return response


def _wrong_words(wrong: dict[str, str]) -> list[str]:
    named = ((lists.CHIPS.get(field, (field, ""))[0], detail) for field, detail in wrong.items())
    return [f"{field.capitalize()}: {detail}" if field else detail for field, detail in named]


def _at(pairs: lists.Pairs) -> int:
    raw = next((value for name, value in pairs if name == "at"), "1")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else 1


def _count_words(count: int | None) -> str:
    if count is None:
        return ""
    return f"{number(COUNT_LIMIT)}+" if count > COUNT_LIMIT else number(count)
