"""What people, keys and pages can do. REST routes and dashboard pages call these functions only.

Each takes the service's `State`, then the `Principal`. All answer with plain JSON values as
`api-shapes` has them, and raise `Problem` (404, 410 erased, 412, 422 with errors, …) or
`MovedError`.
"""

from contacts_api.actions.contacts import (
    create_contact,
    create_contacts,
    edit_contact,
    resync_contact,
    settled_command,
)
from contacts_api.actions.conversations import conversation_contact, render_in_conversation
from contacts_api.actions.erasures import erase_contact, get_erasure, list_erasures
from contacts_api.actions.explaining import explain
from contacts_api.actions.listing import (
    count_contacts,
    get_contact,
    list_contacts,
    list_tags,
)
from contacts_api.actions.merges import (
    list_merges,
    merge_contacts,
    preview_merge,
    preview_undo,
    undo_merge,
)
from contacts_api.actions.notes import add_note, delete_note, edit_note, list_notes
from contacts_api.actions.operations import (
    get_lag,
    get_trend,
    list_dead_letters,
    redrive_dead_letter,
)
from contacts_api.actions.outcomes import MovedError, Written
from contacts_api.actions.sign_in import agents_of, sign_in, sign_out, signed_in
from contacts_api.actions.suggesting import dismiss_suggestion, list_suggestions
from contacts_api.actions.timeline import list_timeline
from contacts_api.actions.verification import revoke_verification

__all__ = [
    "MovedError",
    "Written",
    "add_note",
    "agents_of",
    "conversation_contact",
    "count_contacts",
    "create_contact",
    "create_contacts",
    "delete_note",
    "dismiss_suggestion",
    "edit_contact",
    "edit_note",
    "erase_contact",
    "explain",
    "get_contact",
    "get_erasure",
    "get_lag",
    "get_trend",
    "list_contacts",
    "list_dead_letters",
    "list_erasures",
    "list_merges",
    "list_notes",
    "list_suggestions",
    "list_tags",
    "list_timeline",
    "merge_contacts",
    "preview_merge",
    "preview_undo",
    "redrive_dead_letter",
    "render_in_conversation",
    "resync_contact",
    "revoke_verification",
    "settled_command",
    "sign_in",
    "sign_out",
    "signed_in",
    "undo_merge",
]
