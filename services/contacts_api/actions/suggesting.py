"""Possible duplicates of a contact, and saying that one is none."""

from typing import Any
from urllib.parse import quote

from contact_schema.records import opaque_id
from contacts_api.actions.asking import ask_resolver
from contacts_api.actions.ordering import audit
from contacts_api.actions.reading import locate, need, not_found, read_contacts
from contacts_api.domain.principal import Principal
from contacts_api.domain.suggestions import Suggestion, suggestions
from contacts_api.state import State
from contacts_api.store import suggestions as store
from service_kit.tx import Tx

Json = dict[str, Any]


async def list_suggestions(state: State, principal: Principal, contact: str) -> Json:
    """Contacts that may be the same person, best first, without those that were dismissed.

    Raises MovedError, Problem 404, 410, or 503 when the resolver does not answer.
    """
    need(principal, "contacts:read")
    found = await _find(state, principal, contact)
    async with state.transaction(principal.space) as tx:
        dismissed = await store.list_dismissed(tx, principal.space, contact)
        open_ = [one for one in found if one.other not in dismissed]
        there = await read_contacts(tx, principal.space, [one.other for one in open_])
    data = [
        {
            "id": _name(state, principal.space, contact, one),
            "other": one.other,
            "reasons": one.reasons,
            "score": one.score,
        }
        for one in open_
        if one.other in there
    ]
    return {"data": data, "next_cursor": None, "prev_cursor": None}


async def dismiss_suggestion(
    state: State, principal: Principal, contact: str, suggestion: str
) -> None:
    """These two are not to be suggested again. Raises Problem 404 where nobody suggests it."""
    need(principal, "contacts:write")
    for one in await _find(state, principal, contact):
        if _name(state, principal.space, contact, one) == suggestion:
            async with state.transaction(principal.space) as tx:
                await _dismiss(state, principal, tx, contact, one.other)
            return
    raise not_found()


async def _dismiss(state: State, principal: Principal, tx: Tx, contact: str, other: str) -> None:
    by = f"{principal.kind}:{principal.id}"
    await store.insert_dismissal(tx, principal.space, (contact, other), by, state.now())
    await audit(tx, principal, "suggestion.dismissed", [contact, other])


async def _find(state: State, principal: Principal, contact: str) -> list[Suggestion]:
    space = principal.space
    async with state.transaction(space) as tx:
        await locate(tx, space, contact)
        alike = await store.list_alike(tx, space, contact)
    told = await ask_resolver(state, f"contacts/{quote(contact)}/suggestions", [("space", space)])
    return suggestions(told["suggestions"], alike, told["apart"])


def _name(state: State, space: str, contact: str, one: Suggestion) -> str:
    """The same from both sides."""
    return opaque_id(state.space_key(space), "suggestion", *sorted((contact, one.other)))
