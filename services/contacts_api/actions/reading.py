"""What every action needs first: the contact that an id leads to, and contacts as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from asyncpg import Record

from contact_schema.settings import Scope
from contacts_api.actions.outcomes import MovedError
from contacts_api.domain.contact_view import contact_json
from contacts_api.domain.invalid import InvalidError
from contacts_api.domain.principal import Principal
from contacts_api.store import contacts
from service_kit.problems import FieldError, Problem
from service_kit.tx import Tx

Json = dict[str, Any]


def not_found() -> Problem:
    """The same for what never was and for what belongs to somebody else."""
    return Problem(404, "not-found", "There is nothing under this address.")


def erased(erasure: str) -> Problem:
    return Problem(410, "erased", "This person was erased.", extra={"erasure_id": erasure})


def unprocessable(error: InvalidError) -> Problem:
    limit = error.code == "limit"
    return Problem(
        422,
        error.code,
        "That is more than a contact holds." if limit else "Some fields are not valid.",
        errors=[FieldError(w.field, w.code, w.detail) for w in error.wrongs],
    )


def wrong_parameter(name: str, detail: str) -> Problem:
    return Problem(
        422,
        "invalid",
        "A parameter is not valid.",
        errors=[FieldError(name, "invalid", detail)],
    )


def need(principal: Principal, scope: Scope) -> None:
    """Raises Problem 403 unless the caller may."""
    if scope not in principal.scopes:
        raise Problem(403, "missing-scope", f"This needs the scope {scope}.")


async def locate(tx: Tx, space: str, contact: str) -> str:
    """The id itself, when it is a contact's. Raises MovedError, or Problem 404 or 410."""
    current = await resolve(tx, space, contact)
    if current != contact:
        raise MovedError(contact, current)
    return contact


async def resolve(tx: Tx, space: str, contact: str) -> str:
    """The contact that this id leads to now. Raises Problem 404 or 410."""
    found = await contacts.find_record(tx, space, contact)
    if found is None:
        raise not_found()
    hidden = found["fenced"] or found["erasure"]
    if hidden:
        raise erased(hidden)
    if found["contact"] is None or not found["standing"]:
        raise not_found()
    return str(found["contact"])


async def read_contact(tx: Tx, space: str, contact: str) -> Json:
    found = await read_contacts(tx, space, [contact])
    if contact not in found:
        raise not_found()
    return found[contact]


async def read_contacts(tx: Tx, space: str, ids: Iterable[str]) -> dict[str, Json]:
    """Those that stand and are not hidden, by id."""
    rows = await contacts.find_contacts(tx, space, sorted(set(ids)))
    return {c["id"]: c for c in await as_json(tx, space, rows)}


async def as_json(tx: Tx, space: str, rows: Sequence[Record]) -> list[Json]:
    """Rows of the list as whole contacts, in their order."""
    ids = [row["contact"] for row in rows]
    channels = _grouped(await contacts.list_channels(tx, space, ids))
    crm = _grouped(await contacts.list_crm_states(tx, space, ids))
    former = _grouped(await contacts.list_former_ids(tx, space, ids))
    return [
        contact_json(
            row,
            channels.get(row["contact"], ()),
            crm.get(row["contact"], ()),
            [r["record"] for r in former.get(row["contact"], ())],
        )
        for row in rows
    ]


def _grouped(rows: Iterable[Record]) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = {}
    for row in rows:
        grouped.setdefault(row["contact"], []).append(row)
    return grouped
