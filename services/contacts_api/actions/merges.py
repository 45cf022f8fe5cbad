"""Merges that people order, the journal of all, and the undo."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import orjson
from asyncpg import Record

from contact_schema.commands import Command, LinkRecords, Pick, RetractFacts
from contact_schema.records import fact_id
from contacts_api.actions.ordering import audit, new_id, order, written
from contacts_api.actions.outcomes import Written
from contacts_api.actions.paging import cut_forward, moment_of, position_of
from contacts_api.actions.reading import (
    locate,
    need,
    not_found,
    read_contacts,
    resolve,
    unprocessable,
)
from contacts_api.domain.contact_view import moment
from contacts_api.domain.cursors import purpose_of
from contacts_api.domain.invalid import InvalidError, Wrong, invalid
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import merges as store
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
UNDOABLE: Final = timedelta(days=30)
PICKABLE: Final = ("name", "company", "email", "phone", "audience", "external_id")


async def merge_contacts(state: State, principal: Principal, contact: str, body: Any) -> Written:
    """``{"into": id, "survivor"?, "keep"?: {field: contact id}, "lift"?: [ids]}``.

    The end holds the survivor and the merge's id. Raises MovedError, Problem 404, 409, 410, 422.
    """
    need(principal, "contacts:write")
    into = _read_merge(body, contact)
    command = new_id("command")

    async def compose(tx: Tx) -> Sequence[Command]:
        await locate(tx, principal.space, contact)
        other = await _other(tx, principal.space, into)
        if other == contact:
            raise Problem(409, "same-contact", "Both are one contact already.")
        await audit(tx, principal, "contact.merged", [contact, other])
        return [
            LinkRecords(
                space=principal.space,
                command=command,
                actor=principal.actor,
                at=state.now(),
                fact=fact_id(state.space_key(principal.space), "command", command),
                left=contact,
                right=other,
                survivor=body.get("survivor"),
                picks=_picks(body),
                lift=tuple(body.get("lift") or ()),
            )
        ]

    rows = await order(state, principal, "merge", [command], compose)
    return await written(state, principal, rows[command])


async def _other(tx: Tx, space: str, into: str) -> str:
    try:
        return await resolve(tx, space, into)
    except Problem:
        raise unprocessable(invalid("/into", "There is no such contact.")) from None


def _picks(body: Json) -> tuple[Pick, ...]:
    keep = body.get("keep") or {}
    return tuple(Pick(field=name, contact=side) for name, side in sorted(keep.items()))


def _read_merge(body: Any, contact: str) -> str:
    if not isinstance(body, dict):
        raise unprocessable(invalid("", "Must be an object."))
    wrongs = [
        Wrong(f"/{name[:64]}", "unknown-field", "There is no such field here.")
        for name in body
        if name not in {"into", "survivor", "keep", "lift"}
    ]
    into = body.get("into")
    if not isinstance(into, str) or not into:
        wrongs.append(Wrong("/into", "invalid", "Must be the id of the other contact."))
    sides = {contact, into if isinstance(into, str) else None}
    if body.get("survivor") is not None and body["survivor"] not in sides:
        wrongs.append(Wrong("/survivor", "invalid", "Must be one of the two."))
    keep = body.get("keep") or {}
    if not isinstance(keep, dict):
        wrongs.append(Wrong("/keep", "invalid", "Must be an object."))
    else:
        wrongs += [
            Wrong(f"/keep/{name[:64]}", "invalid", "Must be a field and one of the two contacts.")
            for name, side in keep.items()
            if side not in sides or not (name in PICKABLE or name.startswith("attr."))
        ]
    lift = body.get("lift") or []
    if not isinstance(lift, list) or not all(isinstance(item, str) for item in lift):
        wrongs.append(Wrong("/lift", "invalid", "Must be a list of ids."))
    if wrongs:
        raise unprocessable(InvalidError(wrongs))
    return str(into)


async def list_merges(
    state: State,
    principal: Principal,
    contact: str,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Json:
    """Every merge of an id that this contact has or had, newest first, undone ones too."""
    need(principal, "contacts:read")
    purpose = purpose_of(("merges", principal.space, contact))
    position = position_of(state, purpose, cursor)
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        read = await store.list_merges(tx, principal.space, contact, moment_of(position), limit + 1)
    rows, cursors = cut_forward(
        state, purpose, read, limit, lambda row: (row["at"].isoformat(), row["merge"])
    )
    return {"data": [_merge(row) for row in rows], **cursors}


def _merge(row: Record) -> Json:
    undoable = _undoable(row)
    return {
        "id": row["merge"],
        "cause": row["cause"],
        "evidence": None if row["evidence"] is None else orjson.loads(row["evidence"]),
        "into": row["into_contact"],
        "from": row["absorbed"],
        "at": moment(row["at"]),
        "by": row["actor"],
        "undone_at": moment(row["undone_at"]),
        "undoable_until": moment(row["at"] + UNDOABLE) if undoable else None,
    }


def _undoable(row: Record) -> bool:
    return row["cause"] == "operator" and row["link"] is not None


async def undo_merge(state: State, principal: Principal, merge: str) -> Written:
    """Both contacts as they were before. Asked again, the same answer.

    Raises Problem 404, or 409 ``not-undoable``, ``too-late``, ``part-erased``.
    """
    need(principal, "contacts:write")
    async with state.transaction(principal.space) as tx:
        row = await store.find_merge(tx, principal.space, merge)
        if row is None:
            raise not_found()
        if row["undone_at"] is not None:
            return await _already_undone(tx, principal.space, row)
    if not _undoable(row):
        raise Problem(409, "not-undoable", "Only a merge that somebody ordered can be undone here.")
    if row["at"] + UNDOABLE < state.now():
        raise Problem(409, "too-late", "It is more than 30 days ago.")
    command = new_id("command")

    async def compose(tx: Tx) -> Sequence[Command]:
        await audit(tx, principal, "merge.undone", row["parties"], merge=merge)
        return [
            RetractFacts(
                space=principal.space,
                command=command,
                actor=principal.actor,
                at=state.now(),
                facts=(row["link"],),
                keep_apart=True,
            )
        ]

    rows = await order(state, principal, "undo", [command], compose)
    return await written(state, principal, rows[command])


async def _already_undone(tx: Tx, space: str, row: Record) -> Written:
    now = await store.list_parties(tx, space, row["parties"])
    found = await read_contacts(tx, space, [r["contact"] for r in now if r["contact"]])
    return Written("unchanged", "", contacts=list(found.values()), merge=row["merge"])
