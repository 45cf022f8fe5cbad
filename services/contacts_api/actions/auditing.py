"""Who did what, in ids."""

from functools import partial
from typing import Any

import orjson

from contacts_api.actions.paging import page_in_time
from contacts_api.actions.reading import need
from contacts_api.domain.contact_view import moment
from contacts_api.domain.cursors import purpose_of
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import notes as store


async def list_audit(
    state: State,
    principal: Principal,
    *,
    cursor: str | None = None,
    limit: int = 50,
    contact: str | None = None,
    action: str | None = None,
) -> dict[str, Any]:
    """Newest first; ``contact`` and ``action`` narrow it."""
    need(principal, "contacts:read")
    purpose = purpose_of(("audit", principal.space, contact, action))
    async with state.transaction(principal.space) as tx:
        read = partial(store.list_audit, tx, principal.space, contact=contact, action=action)
        rows, cursors = await page_in_time(state, purpose, cursor, limit, read, ("at", "entry"))
    data = [
        {
            "id": row["entry"],
            "at": moment(row["at"]),
            "actor": {
                "kind": row["actor_kind"],
                "id": row["actor"],
                "name": row["actor_name"],
            },
            "action": row["action"],
            "contact": row["contact"],
            "detail": orjson.loads(row["detail"]),
        }
        for row in rows
    ]
    return {"data": data, **cursors}
