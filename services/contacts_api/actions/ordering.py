"""Commands to the resolver: ordered in one transaction, waited for, and answered from the rows."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from asyncpg import Record
from uuid_utils.compat import uuid7

from contact_schema.commands import Command
from contacts_api.actions.outcomes import Written
from contacts_api.actions.reading import read_contact, read_contacts, resolve
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import commands as store
from contacts_api.store.notes import insert_audit
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
Compose = Callable[[Tx], Awaitable[Sequence[Command]]]

REFUSALS = {
    "version-conflict": (412, "The contact was changed meanwhile."),
    "not-found": (404, "There is nothing under this address."),
    "erased": (410, "This person was erased."),
    "limit": (422, "That is more than a contact holds."),
    "same-contact": (409, "Both are one contact already."),
    "separated": (409, "Somebody said that these are not one person: lift that first."),
    "unknown-owner": (422, "An owner is no part of it, or nobody there has the identifier."),
    "part-erased": (409, "A part of it was erased, so it cannot come apart any more."),
}


def new_id(prefix: str) -> str:
    """Unique, and in the order of time."""
    return f"{prefix}_{uuid7().hex}"


async def audit(
    tx: Tx,
    principal: Principal,
    action: str,
    contacts: Sequence[str | None],
    **detail: Any,
) -> None:
    """Who did what. ``detail`` holds ids and names of fields, never values."""
    await insert_audit(
        tx,
        principal.space,
        [new_id("audit") for _ in contacts],
        (principal.kind, principal.id, principal.name),
        action,
        contacts,
        orjson.dumps(detail).decode(),
    )


async def order(
    state: State,
    principal: Principal,
    kind: str,
    commands: Sequence[str],
    compose: Compose,
    seconds: float | None = None,
) -> dict[str, Record]:
    """Send what ``compose`` makes under these command ids; wait until it can be read back.

    Answers with a row per command; ``settled_at`` is None for what is not visible yet.
    """
    state.settlements.expect(commands)
    try:
        async with state.transaction(principal.space) as tx:
            messages = await compose(tx)
            await store.insert_commands(
                tx, principal.space, commands, kind, f"{principal.kind}:{principal.id}"
            )
            tx.emit(*messages)
    except BaseException:
        state.settlements.forget(commands)
        raise
    await state.settlements.wait(commands, seconds or state.settings.settle_seconds)
    async with state.transaction(principal.space) as tx:
        return {
            row["command"]: row for row in await store.list_commands(tx, principal.space, commands)
        }


async def written(state: State, principal: Principal, row: Record) -> Written:
    """The end of one command. Raises Problem where it was refused."""
    [end] = await all_written(state, principal, [row])
    if isinstance(end, Problem):
        raise end
    return end


async def all_written(
    state: State, principal: Principal, rows: Sequence[Record]
) -> list[Written | Problem]:
    ids = {row["contact"] for row in rows} | {c for row in rows for c in row["contacts"]}
    async with state.transaction(principal.space) as tx:
        found: dict[str, Json | Problem] = {}
        found |= await read_contacts(tx, principal.space, ids - {None})
        for row in rows:
            if row["outcome"] not in {None, "refused"} and row["contact"] not in found:
                found[row["contact"]] = await _as_it_is_now(tx, principal.space, row["contact"])
    return [_written(row, found) for row in rows]


async def _as_it_is_now(tx: Tx, space: str, contact: str | None) -> Json | Problem:
    """It settled, and went on since: into another contact, or it was erased."""
    try:
        return await read_contact(tx, space, await resolve(tx, space, contact or ""))
    except Problem as problem:
        return problem


def _written(row: Record, found: dict[str, Json | Problem]) -> Written | Problem:
    if row["settled_at"] is None:
        return Written("pending", row["command"])
    if row["outcome"] == "refused":
        return refused(row["code"])
    contact = found[row["contact"]]
    if isinstance(contact, Problem):
        return contact
    parts = [found.get(part) for part in row["contacts"]]
    return Written(
        row["outcome"],
        row["command"],
        contact=contact,
        contacts=[part for part in parts if isinstance(part, dict)],
        merge=row["merge"],
        outranked=tuple(row["outranked"]),
    )


def refused(code: str | None) -> Problem:
    status, detail = REFUSALS.get(code or "", (409, "It was refused."))
    return Problem(status, code or "conflict", detail)
