"""Erasures: asked for here, carried through by every service, followed here."""

from functools import partial
from typing import Any

import orjson
from asyncpg import Record

from contact_schema.erasure import ErasureRequested
from contact_schema.values import email_key
from contacts_api.actions.ordering import audit, new_id
from contacts_api.actions.outcomes import MovedError
from contacts_api.actions.paging import page_in_time
from contacts_api.actions.reading import (
    erased,
    locate,
    need,
    not_found,
    read_contact,
    unprocessable,
    wrong_parameter,
)
from contacts_api.domain.cursors import purpose_of
from contacts_api.domain.erasure_view import erasure_json, requested_json
from contacts_api.domain.invalid import invalid
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import erasures as store
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
MAX_GRACE_DAYS = 30
REASONS = ("subject_request",)


async def erase_contact(
    state: State,
    principal: Principal,
    contact: str,
    *,
    mode: str = "erase",
    grace_days: int | None = None,
    reason: str | None = None,
    confirmation: str | None = None,
) -> Json:
    """Hide the contact now and have every service erase it: id, state and dates.

    ``confirmation`` is what a person typed: the e-mail, else the external id, else the contact id.
    Raises Problem 404, 409 ``merged`` with the survivor, 410, 422.
    """
    need(principal, "contacts:erase")
    days = principal.grace_days if grace_days is None else grace_days
    _check(mode, days, reason)
    erasure, at = new_id("erasure"), state.now()
    async with state.transaction(principal.space) as tx:
        await _locate_unmerged(tx, principal.space, contact)
        if confirmation is not None:
            await _confirm(tx, principal.space, contact, confirmation)
        version = await store.hide_contact(tx, principal.space, contact, erasure)
        if version is None:
            raise erased(erasure)
        await store.insert_erasure(
            tx,
            (principal.space, erasure),
            contact,
            (mode, days, reason),
            (f"{principal.kind}:{principal.id}", at),
        )
        await audit(tx, principal, "contact.erasure_requested", [contact], erasure=erasure)
        tx.emit(
            ErasureRequested(
                space=principal.space,
                erasure=erasure,
                contact=contact,
                version=version,
                mode="erase",
                grace_days=days,
                requested_by=f"{principal.kind}:{principal.id}",
                requested_at=at,
            )
        )
    return requested_json(erasure, contact, at, days)


def _check(mode: str, days: int, reason: str | None) -> None:
    if mode != "erase":
        raise wrong_parameter("mode", "Only erase.")
    if not 0 <= days <= MAX_GRACE_DAYS:
        raise wrong_parameter("grace_days", f"From 0 to {MAX_GRACE_DAYS}.")
    if reason is not None and reason not in REASONS:
        raise wrong_parameter("reason", f"Only {', '.join(REASONS)}.")


async def _locate_unmerged(tx: Tx, space: str, contact: str) -> None:
    """Whoever asks to erase a merged id means somebody: never silently the survivor."""
    try:
        await locate(tx, space, contact)
    except MovedError as moved:
        raise Problem(
            409,
            "merged",
            "This contact was merged into another one.",
            hint="Erase the survivor, or undo the merge first.",
            extra={"survivor": moved.contact},
        ) from None


async def _confirm(tx: Tx, space: str, contact: str, typed: str) -> None:
    shown = await read_contact(tx, space, contact)
    wanted = shown["email"] or shown["external_id"] or contact
    if shown["email"] and email_key(wanted):
        same = email_key(typed) == email_key(wanted)
    else:
        same = typed.strip() == wanted
    if not same:
        raise unprocessable(invalid("/confirmation", "Is not what stands on this contact."))


async def get_erasure(state: State, principal: Principal, erasure: str) -> Json:
    """State, dates and the receipts of all slices."""
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        row = await store.find_erasure(tx, principal.space, erasure)
        if row is None:
            raise not_found()
        receipts = await store.list_receipts(tx, principal.space, [erasure])
    return _erasure(row, receipts)


async def list_erasures(
    state: State, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Json:
    """Newest first."""
    need(principal, "contacts:read")
    purpose = purpose_of(("erasures", principal.space))
    async with state.transaction(principal.space) as tx:
        read = partial(store.list_erasures, tx, principal.space)
        names = ("requested_at", "erasure")
        rows, cursors = await page_in_time(state, purpose, cursor, limit, read, names)
        receipts = await store.list_receipts(tx, principal.space, [row["erasure"] for row in rows])
    data = [_erasure(row, [r for r in receipts if r["erasure"] == row["erasure"]]) for row in rows]
    return {"data": data, **cursors}


def _erasure(row: Record, receipts: list[Record]) -> Json:
    texts = {text for r in receipts for text in (r["counts"], r["expires"])}
    return erasure_json(row, receipts, {text: orjson.loads(text) for text in texts})
