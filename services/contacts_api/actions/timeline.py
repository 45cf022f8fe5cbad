"""Everything that a contact did on all channels, in one thread."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from contacts_api.actions.paging import page_in_time
from contacts_api.actions.reading import locate, need, wrong_parameter
from contacts_api.domain.contact_view import moment
from contacts_api.domain.cursors import purpose_of
from contacts_api.domain.interactions import KNOWN_TYPES, entry_json
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import interactions as store

Json = dict[str, Any]


async def list_timeline(  # noqa: PLR0913 - each is a parameter of the address
    state: State,
    principal: Principal,
    contact: str,
    *,
    cursor: str | None = None,
    limit: int = 50,
    ascending: bool = False,
    channels: Sequence[str] = (),
    types: Sequence[str] = (),
    conversation: str | None = None,
) -> Json:
    """Newest first, or oldest first. A merge that was undone shows only where its type is asked
    for: an undo leaves everything as it was. Raises MovedError, or Problem 404, 410 or 422.
    """
    need(principal, "contacts:read")
    if set(types) - set(KNOWN_TYPES):
        raise wrong_parameter("type", f"One of {', '.join(KNOWN_TYPES)}.")
    filters = (list(channels) or None, list(types) or None, conversation)
    purpose = purpose_of(("timeline", principal.space, contact, ascending, *filters))
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        read = partial(store.list_timeline, tx, principal.space, contact, filters=filters)
        rows, cursors = await page_in_time(
            state, purpose, cursor, limit, read, ("at", "entry"), ascending=ascending
        )
    return {
        "data": [entry_json(row, orjson.loads(row["detail"]), moment(row["at"])) for row in rows],
        **cursors,
    }
