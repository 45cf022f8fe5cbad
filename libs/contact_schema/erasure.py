"""The protocol of ``contacts.erasure.v1``: ids only, several writers, every service reads it."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from contact_schema.envelope import Message, Value

Slice = Literal[
    "ingest", "identity_verify", "merge_resolver", "crm_sync", "gdpr_purge", "contacts_api"
]
SLICES: tuple[Slice, ...] = (
    "ingest",
    "identity_verify",
    "merge_resolver",
    "crm_sync",
    "gdpr_purge",
    "contacts_api",
)
Mode = Literal["erase", "erase_and_suppress"]
State = Literal[
    "requested", "fenced", "grace", "restored", "erasing", "erased", "blocked", "closed"
]


class ErasureMessage(Message):
    TOPIC: ClassVar[str] = "contacts.erasure.v1"

    erasure: str
    """``erasure_…``: all that names the person from now on."""


class ErasureRequested(ErasureMessage):
    """Somebody with the right asked for it; `contacts_api` has hidden the contact in the same
    transaction.
    """

    contact: str
    version: int
    """The version that was seen; a set that changed since is asked about again."""
    mode: Mode
    grace_days: int
    requested_by: str
    requested_at: datetime


class ErasureScoped(ErasureMessage):
    """The set is fixed: these records, known under these contact ids. With ``blocked`` nothing was
    fixed.
    """

    contact: str
    records: tuple[str, ...]
    ids: tuple[str, ...]
    blocked: str | None = None
    """``set-changed``, ``not-found``."""


class FenceRecords(ErasureMessage):
    """Accept nothing more for these records. Events said to be before ``fenced_at`` are
    suppressed.
    """

    records: tuple[str, ...]
    mode: Mode
    fenced_at: datetime
    ledger_no: int


class SliceFenced(ErasureMessage):
    slice: Slice
    ledger_no: int


class EraseRecords(ErasureMessage):
    """The grace is over: nothing of these records ever was."""

    records: tuple[str, ...]
    ids: tuple[str, ...]
    ledger_no: int


class Expiry(Value):
    """A store whose copies go by themselves, at the latest then."""

    store: str
    by: datetime


class SliceErased(ErasureMessage):
    """The receipt of one slice. ``left`` is a fresh count by record id after the work; above 0 it
    is a failure.
    """

    slice: Slice
    ledger_no: int
    counts: dict[str, int] = Field(default_factory=dict)
    expires: tuple[Expiry, ...] = ()
    left: int = 0
    at: datetime


class ErasureAdvanced(ErasureMessage):
    """The erasure entered a state; blocked with a reason in words."""

    state: State
    reason: str | None = None
    at: datetime
