"""How a command can end, and the contact that it is about."""

from dataclasses import dataclass

from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.domain.working import Blob, Book


class Refused(Exception):
    """The command changes nothing; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Done:
    """What a command came to. Which contact it is, is known when the batch is through."""

    outcome: str
    record: str | None = None
    """A record of the contact to name."""
    parts: tuple[str, ...] = ()
    """A record of each contact that it left apart."""
    told: Observe | None = None
    link: str | None = None
    undone: str | None = None
    code: str | None = None


def contact_of(book: Book, record: str) -> tuple[Blob, Contact]:
    """Raises Refused."""
    if record in book.fenced:
        raise Refused("erased")
    blob = book.find(record)
    contact = blob.contact_with(record) if blob else None
    if blob is None or contact is None:
        raise Refused("not-found")
    return blob, contact


def check_version(blob: Blob, contact: Contact, expected: int | None) -> None:
    """Also when something before in this batch changed it: the version that is seen is over."""
    if expected is None:
        return
    stored = blob.contacts.get(contact.id)
    if stored is None or stored.version != expected:
        raise Refused("version-conflict")
    if blob.touched:
        members = {record.id for record in contact.records}
        before = {one for one, row in blob.records.items() if row.contact == contact.id}
        text = snapshot_of(contact, blob.rules).model_dump_json()
        if members != before or stored.snapshot != text:
            raise Refused("version-conflict")
