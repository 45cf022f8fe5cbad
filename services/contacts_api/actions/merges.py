"""Merges that people order, the journal of all, and the undo."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

import orjson
from asyncpg import Record

from contact_schema.changes import Snapshot
from contact_schema.commands import Command, LinkRecords, Owner, RetractFacts, SeparateRecords
from contact_schema.records import fact_id
from contacts_api.actions.asking import ask_resolver
from contacts_api.actions.ordering import audit, new_id, order, written
from contacts_api.actions.outcomes import Written
from contacts_api.actions.paging import page_of_contact
from contacts_api.actions.reading import (
    locate,
    need,
    not_found,
    read_contacts,
    resolve,
    unprocessable,
)
from contacts_api.domain.contact_view import joined_counts, moment, profile_json
from contacts_api.domain.invalid import InvalidError, invalid
from contacts_api.domain.merge_input import MergeOrder, read_merge, read_owners
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import merges as store
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
UNDOABLE: Final = timedelta(days=30)
PREVIEW: Final = "preview"
"""In place of the id of an order that nobody gives."""
Read = TypeVar("Read")


async def merge_contacts(state: State, principal: Principal, contact: str, body: Any) -> Written:
    """``{"into": id, "survivor"?, "keep"?: {field: contact id}, "lift"?: [ids]}``.

    The end holds the survivor and the merge's id. Raises MovedError, Problem 404, 409, 410, 422.
    """
    need(principal, "contacts:write")
    wanted = _read(lambda: read_merge(body, contact))
    command = new_id("command")

    async def compose(tx: Tx) -> Sequence[Command]:
        ordered = await _linking(state, principal, tx, command, contact, wanted)
        await audit(tx, principal, "contact.merged", [contact, ordered.right])
        return [ordered]

    rows = await order(state, principal, "merge", [command], compose)
    return await written(state, principal, rows[command])


async def preview_merge(
    state: State, principal: Principal, contact: str, into: str, survivor: str | None = None
) -> Json:
    """What the merge would do, field by field, and what stands in its way.

    Raises MovedError, Problem 404, 409, 410, 422, or 503 when the resolver does not answer.
    """
    need(principal, "contacts:read")
    wanted = _read(lambda: read_merge({"into": into, "survivor": survivor}, contact), "")
    async with state.transaction(principal.space) as tx:
        ordered = await _linking(state, principal, tx, PREVIEW, contact, wanted)
        sides = await read_contacts(tx, principal.space, [contact, ordered.right])
    told = await ask_resolver(state, "previews/merge", order=ordered)
    snapshot = told.pop("snapshot")
    contact_then = None if snapshot is None else _joined(snapshot, list(sides.values()))
    survivor = None if contact_then is None else contact_then["id"]
    return {"survivor": survivor, "contact": contact_then, **told}


def _joined(snapshot: Json, sides: Sequence[Json]) -> Json:
    """The sides' own counts added up; it has no version, for nobody has written it."""
    told = Snapshot.model_validate(snapshot)
    return profile_json(told) | joined_counts(told.contact, sides)


async def _linking(
    state: State,
    principal: Principal,
    tx: Tx,
    command: str,
    contact: str,
    wanted: MergeOrder,
) -> LinkRecords:
    await locate(tx, principal.space, contact)
    other = await _other(tx, principal.space, wanted.into)
    if other == contact:
        raise Problem(409, "same-contact", "Both are one contact already.")
    return LinkRecords(
        space=principal.space,
        command=command,
        actor=principal.actor,
        at=state.now(),
        fact=fact_id(state.space_key(principal.space), "command", command),
        left=contact,
        right=other,
        survivor=wanted.survivor,
        picks=wanted.picks,
        lift=wanted.lift,
    )


async def _other(tx: Tx, space: str, into: str) -> str:
    try:
        return await resolve(tx, space, into)
    except Problem:
        raise unprocessable(invalid("/into", "There is no such contact.")) from None


def _read(reader: Callable[[], Read], root: str = "/") -> Read:
    """Fields of a body begin with a slash; parameters do not."""
    try:
        return reader()
    except InvalidError as error:
        wrongs = [replace(one, field=root + one.field.lstrip("/")) for one in error.wrongs]
        raise unprocessable(InvalidError(wrongs)) from None


async def list_merges(
    state: State,
    principal: Principal,
    contact: str,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Json:
    """Every merge of an id that this contact has or had, newest first, undone ones too."""
    rows, cursors = await page_of_contact(
        state, principal, contact, store.list_merges, ("at", "merge"), cursor=cursor, limit=limit
    )
    return {"data": [_merge(row) for row in rows], **cursors}


def _merge(row: Record) -> Json:
    return {
        "id": row["merge"],
        "cause": row["cause"],
        "evidence": None if row["evidence"] is None else orjson.loads(row["evidence"]),
        "into": row["into_contact"],
        "from": row["absorbed"],
        "at": moment(row["at"]),
        "by": row["actor"],
        "undone_at": moment(row["undone_at"]),
        "undoable_until": moment(row["at"] + UNDOABLE),
    }


async def undo_merge(
    state: State, principal: Principal, merge: str, body: Json | None = None
) -> Written:
    """Both contacts as they were before. Asked again, the same answer.

    ``{"owners"?: {"email:ada@example.com": contact id}}`` says who keeps what they share. Raises
    Problem 404, 409 ``too-late`` or ``part-erased``, or 422.
    """
    need(principal, "contacts:write")
    owners = _read(lambda: read_owners(body or {}, principal.region))
    async with state.transaction(principal.space) as tx:
        row = await store.find_merge(tx, principal.space, merge)
        if row is None:
            raise not_found()
        if row["undone_at"] is not None:
            return await _already_undone(tx, principal.space, row)
    if row["at"] + UNDOABLE < state.now():
        raise Problem(409, "too-late", "It is more than 30 days ago.")
    command = new_id("command")

    async def compose(tx: Tx) -> Sequence[Command]:
        await audit(tx, principal, "merge.undone", row["parties"], merge=merge)
        return [_undoing(state, principal, command, row, owners)]

    rows = await order(state, principal, "undo", [command], compose)
    return await written(state, principal, rows[command])


async def preview_undo(state: State, principal: Principal, merge: str) -> Json:
    """The contacts that an undo would leave, and who would keep what they share."""
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        row = await store.find_merge(tx, principal.space, merge)
    if row is None:
        raise not_found()
    order = _undoing(state, principal, PREVIEW, row, ())
    kind = "separation" if row["link"] is None else "retraction"
    told = await ask_resolver(state, f"previews/{kind}", order=order)
    parts = [profile_json(Snapshot.model_validate(one)) for one in told.pop("contacts")]
    return {"merge_id": merge, "contacts": parts, **told}


def _undoing(
    state: State, principal: Principal, command: str, row: Record, owners: tuple[Owner, ...]
) -> Command:
    """An order is taken back; what evidence joined is told apart."""
    about: Json = {
        "space": principal.space,
        "command": command,
        "actor": principal.actor,
        "at": state.now(),
        "owners": owners,
    }
    if row["link"] is not None:
        return RetractFacts(**about, facts=(row["link"],), keep_apart=True)
    fact = fact_id(state.space_key(principal.space), "command", command)
    return SeparateRecords(**about, fact=fact, merge=row["merge"])


async def _already_undone(tx: Tx, space: str, row: Record) -> Written:
    now = await store.list_parties(tx, space, row["parties"])
    found = await read_contacts(tx, space, [r["contact"] for r in now if r["contact"]])
    return Written("unchanged", "", contacts=list(found.values()), merge=row["merge"])
