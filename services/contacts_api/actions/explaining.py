"""Why a contact is one, or why two are not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from contacts_api.actions.asking import ask_resolver
from contacts_api.actions.reading import locate, need
from contacts_api.domain.contact_view import moment
from contacts_api.domain.principal import Principal
from contacts_api.state import State

Json = dict[str, Any]


async def explain(
    state: State,
    principal: Principal,
    contact: str,
    *,
    other: str | None = None,
    without: Sequence[str] = (),
) -> Json:
    """The path of what its records share, its weakest link, and what would come apart without it or
    without these facts; with ``other`` the path to it, or the refusals between the two.

    Raises MovedError, Problem 404, 410, 422, or 503 when the resolver does not answer.
    """
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
    asked = [("space", principal.space), *(("without", fact) for fact in without)]
    if other is not None:
        asked.append(("other", other))
    told = await ask_resolver(state, f"contacts/{quote(contact)}/why", asked)
    return told | {
        "path": [_hop(hop) for hop in told["path"]],
        "refusals": [_without_nothing(one) for one in told["refusals"]],
        "weakest": None if told["weakest"] is None else _hop(told["weakest"]),
    }


def _hop(hop: Json) -> Json:
    return _without_nothing(hop | {"at": moment(datetime.fromisoformat(hop["at"]))})


def _without_nothing(told: Json) -> Json:
    return {name: value for name, value in told.items() if value is not None}
