"""The list, and one contact."""

from collections.abc import Sequence
from typing import Any

import orjson
from asyncpg import Record

from contacts_api.actions.paging import cut, position_of
from contacts_api.actions.reading import as_json, locate, need, read_contact
from contacts_api.domain.contact_view import chosen
from contacts_api.domain.cursors import purpose_of
from contacts_api.domain.list_query import ListQuery
from contacts_api.domain.principal import Principal
from contacts_api.domain.sort_keys import search_patterns
from contacts_api.state import State
from contacts_api.store import contacts as store
from contacts_api.store import listing

Json = dict[str, Any]


async def list_contacts(state: State, principal: Principal, query: ListQuery) -> Json:
    """One page: ``{"data": […], "next_cursor", "prev_cursor"}``."""
    need(principal, "contacts:read")
    filters = filters_of(query)
    purpose = purpose_of(("contacts", principal.space, query.sort, query.descending, filters))
    position = position_of(state, purpose, query.cursor)
    backwards = position is not None and position.backwards
    after = None if position is None else (position.values[0], position.values[1])
    async with state.transaction(principal.space) as tx:
        await listing.plan_for_values(tx)
        read = await listing.list_contacts(
            tx,
            principal.space,
            (query.sort, query.descending != backwards),
            after,
            query.limit + 1,
            filters,
        )
        rows, cursors = cut(state, purpose, read, query.limit, position, _sort_value)
        data = await as_json(tx, principal.space, rows)
    return {"data": [chosen(contact, query.fields) for contact in data], **cursors}


def _sort_value(row: Record) -> tuple[str, ...]:
    return (row["position"], row["contact"])


async def count_contacts(state: State, principal: Principal, query: ListQuery) -> int:
    """How many match, counted no further than 10,001."""
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        await listing.plan_for_values(tx)
        return await listing.count_contacts(tx, principal.space, filters_of(query))


async def list_tags(state: State, principal: Principal) -> list[str]:
    """Tags in use, at most 200, for suggestions."""
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        return await store.list_tags(tx, principal.space)


def filters_of(query: ListQuery) -> listing.Filters:
    return listing.Filters(
        kinds=query.kind or None,
        audiences=query.audience or None,
        verified=query.verified,
        patterns=search_patterns(query.q) if query.q else None,
        tags=query.tag or None,
        not_tags=query.not_tag or None,
        emails=_keys("email", query.email),
        # A WhatsApp or SMS sender is a phone number too.
        phones=[f"{t}:{key}" for t in ("phone", "whatsapp", "sms") for key in query.phone] or None,
        external_ids=_keys("user", query.external_id),
        channels=query.channel or None,
        not_channels=query.not_channel or None,
        crm_states=query.crm_state or None,
        conversations=query.conversation_id or None,
        created_after=query.created_after,
        created_before=query.created_before,
        last_seen_after=query.last_seen_after,
        last_seen_before=query.last_seen_before,
        attributes=_attribute_filters(query) if query.attributes else None,
        has_suggestions=query.has_suggestions,
    )


def _keys(kind: str, keys: Sequence[str]) -> list[str] | None:
    return [f"{kind}:{key}" for key in keys] or None


def _attribute_filters(query: ListQuery) -> str:
    """Per attribute the JSON objects that a contact may contain: a 7 may be a text or a number."""
    wanted = [
        [{key: kind} for value in values for kind in _readings(value)]
        for key, values in query.attributes
    ]
    return orjson.dumps(wanted).decode()


def _readings(value: str) -> list[Any]:
    readings: list[Any] = [value, [value]]
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return readings
    return [*readings, parsed] if isinstance(parsed, bool | int | float) else readings


async def get_contact(state: State, principal: Principal, contact: str) -> Json:
    """The contact. Raises MovedError, or Problem 404 or 410."""
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        return await read_contact(tx, principal.space, await locate(tx, principal.space, contact))
