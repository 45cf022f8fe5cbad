"""What the resolver is asked at once, through its internal door: it only reads."""

from collections.abc import Sequence
from typing import Any

import httpx
import orjson

from contact_schema.commands import Command
from contacts_api.actions.reading import not_found
from contacts_api.state import State
from service_kit.problems import FieldError, Problem

Json = dict[str, Any]


async def ask_resolver(
    state: State,
    path: str,
    parameters: Sequence[tuple[str, str]] = (),
    *,
    order: Command | None = None,
) -> Json:
    """With an order: what it would do. Raises Problem 404, 422, or 503 when nobody answers."""
    base = state.settings.merge_resolver_url
    if not base:
        raise _away()
    token = state.settings.service_token.get_secret_value()
    try:
        answer = await state.neighbours.request(
            "GET" if order is None else "POST",
            f"{base.rstrip('/')}/internal/v1/{path}",
            params=list(parameters),
            content=None if order is None else order.model_dump_json(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
    except httpx.HTTPError:
        raise _away() from None
    match answer.status_code:
        case 200:
            return dict(orjson.loads(answer.content))
        case 404:
            raise not_found()
        case 422:
            errors = [FieldError(**one) for one in answer.json().get("errors", ())]
            raise Problem(422, "invalid", "A parameter is not valid.", errors=errors)
        case _:
            raise _away()


def _away() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The service that knows this does not answer.",
        headers={"Retry-After": "2"},
    )
