"""Notes of the team: this service's own rows, visible at once."""

from typing import Any

from asyncpg import Record

from contacts_api.actions.contacts import keepable
from contacts_api.actions.ordering import audit, new_id
from contacts_api.actions.paging import page_of_contact
from contacts_api.actions.reading import locate, need, not_found, unprocessable
from contacts_api.domain.contact_view import moment
from contacts_api.domain.invalid import invalid
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import notes as store
from service_kit.problems import Problem

Json = dict[str, Any]
MAX_CHARACTERS = 10_000


async def list_notes(
    state: State,
    principal: Principal,
    contact: str,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Json:
    """Newest first."""
    names = ("created_at", "note")
    rows, cursors = await page_of_contact(
        state, principal, contact, store.list_notes, names, cursor=cursor, limit=limit
    )
    return {"data": [_note(row) for row in rows], **cursors}


async def add_note(state: State, principal: Principal, contact: str, text: Any) -> Json:
    """The note. It belongs to the contact's own record, so an unmerge gives it back."""
    need(principal, "contacts:write")
    kept = _text(text)
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        note = new_id("note")
        row = await store.insert_note(
            tx, (principal.space, note, contact), kept, principal.name, state.now()
        )
        await audit(tx, principal, "note.added", [contact], note=note)
    return _note(row)


async def edit_note(
    state: State,
    principal: Principal,
    contact: str,
    note: str,
    text: Any,
    *,
    expected_version: int | None = None,
) -> Json:
    """The note as it is now. Raises Problem 404, 412 or 422."""
    need(principal, "contacts:write")
    kept = _text(text)
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        row = await store.update_note(
            tx, (principal.space, contact, note), kept, state.now(), expected_version
        )
        if row is None:
            if await store.find_note(tx, principal.space, contact, note) is None:
                raise not_found()
            raise Problem(412, "version-conflict", "The note was changed meanwhile.")
        await audit(tx, principal, "note.edited", [contact], note=note)
    return _note(row)


async def delete_note(state: State, principal: Principal, contact: str, note: str) -> None:
    need(principal, "contacts:write")
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        if not await store.delete_note(tx, principal.space, contact, note):
            raise not_found()
        await audit(tx, principal, "note.deleted", [contact], note=note)


def _text(text: Any) -> str:
    if not isinstance(text, str) or not 1 <= len(text.strip()) <= MAX_CHARACTERS:
        raise unprocessable(
            invalid("/text", f"Must be a text of 1 to {MAX_CHARACTERS} characters.")
        )
    keepable({"text": text})
    return text.strip()


def _note(row: Record) -> Json:
    return {
        "id": row["note"],
        "text": row["text"],
        "author": row["author"],
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
        "version": row["version"],
    }
