"""What an AI agent may know in a conversation: what that conversation itself has proven."""

from typing import Any

from contacts_api.actions.reading import need, read_contact, unprocessable
from contacts_api.domain.contact_view import context_json
from contacts_api.domain.invalid import invalid
from contacts_api.domain.principal import Principal
from contacts_api.domain.rendering import MAX_CHARACTERS, render
from contacts_api.state import State
from contacts_api.store import interactions as store

UNVERIFIED: dict[str, Any] = {"verified": False}


async def conversation_contact(
    state: State, principal: Principal, conversation: str
) -> dict[str, Any]:
    """``{"verified": False}`` and nothing more, unless the conversation's current record is
    proven: being placed under a contact proves nothing."""
    need(principal, "contacts:read")
    async with state.transaction(principal.space) as tx:
        found = await store.find_conversation(tx, principal.space, principal.agent, conversation)
        if found is None or not found["proven"]:
            return UNVERIFIED
        contact = await read_contact(tx, principal.space, found["contact"])
    return {"verified": True, "contact": context_json(contact)}


async def render_in_conversation(
    state: State, principal: Principal, conversation: str, template: Any
) -> dict[str, Any]:
    """The template with the contact's values if this conversation is proven, else with none."""
    need(principal, "contacts:read")
    if not isinstance(template, str) or len(template) > MAX_CHARACTERS:
        raise unprocessable(
            invalid("/template", f"Must be a text of at most {MAX_CHARACTERS} characters.")
        )
    known = await conversation_contact(state, principal, conversation)
    text, missing = render(template, known.get("contact"))
    return {"text": text, "verified": known["verified"], "missing": missing}
