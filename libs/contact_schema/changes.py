"""Events of ``contacts.changes.v1`` (the resolver's) and ``contacts.crm.v1`` (the CRM's): what
contacts became.
"""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from contact_schema.envelope import Message, Personal, Value
from contact_schema.observations import Fields, IdentifierType, Proof

Kind = Literal["anonymous", "lead", "customer"]
MergeCause = Literal["operator", "evidence", "undo", "erasure", "policy"]


class HeldIdentifier(Value):
    """One identifier of a contact, as given, with its best proof and its first and last time."""

    type: IdentifierType
    key: Personal | None
    value: Personal
    proof: Proof
    primary: bool = False
    first_seen_at: datetime
    last_seen_at: datetime


class ContactRecord(Value):
    """One record of the contact. ``verified_user`` is set while an unrevoked proof of a user id
    stands on it.
    """

    record: str
    unit: str
    verified_user: Personal | None = None
    verified_at: datetime | None = None


class Audience(Value):
    value: str
    source: Literal["operator", "api", "crm", "signed", "default"]
    pinned: bool = False
    set_at: datetime | None = None


class TierMismatch(Value):
    sent: Personal
    has: str
    source: str
    at: datetime


class Verified(Value):
    user: Personal
    verified_at: datetime


class Snapshot(Value):
    """The whole folded state of a contact. Its version is the sequence of the message that carries
    it.
    """

    contact: str
    kind: Kind
    external_id: Personal | None = None
    external_ids: tuple[Personal, ...] = ()
    name: Personal | None = None
    company: Personal | None = None
    email: Personal | None = None
    phone: Personal | None = None
    identifiers: tuple[HeldIdentifier, ...] = ()
    """E-mails, phones, channel addresses and CRM ids; sessions and browsers stay in the resolver.
    """
    custom_attributes: Fields = Field(default_factory=dict)
    stripe_accounts: tuple[Fields, ...] = ()
    tags: tuple[Personal, ...] = ()
    overflow_tags: int = 0
    overflow_attributes: int = 0
    said: Fields = Field(default_factory=dict)
    """Values that a visitor merely said: shown apart, they count for nothing."""
    audience: Audience
    verified: Verified | None = None
    tier_mismatch: TierMismatch | None = None
    suggested: tuple[str, ...] = ()
    """Contacts that may be the same person, by evidence that was refused: the strongest twenty."""
    created_at: datetime


class ContactCreated(Message):
    """A contact came to be; its first `ContactChanged` follows in the same batch."""

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    contact: str
    kind: Kind


class ContactChanged(Message):
    """The contact as it is now. ``joined`` are records that it did not hold in its last message,
    ``left`` those that it no longer holds. A large set is split over several messages, each with
    the whole snapshot.
    """

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    snapshot: Snapshot
    joined: tuple[ContactRecord, ...] = ()
    """Also repeats a record whose verification changed."""
    left: tuple[str, ...] = ()
    held: bool = False
    """Nothing outside is told yet: more came of one fact than should, and somebody is to look."""


class MergeEvidence(Value):
    """Why they are one: the strongest accepted edge between the sides. Never the value itself."""

    rank: int
    identifier: IdentifierType | None = None
    proof: Proof | None = None
    fact: str | None = None


class ContactsMerged(Message):
    """These contacts are one now; the ids in ``absorbed`` redirect to ``into``."""

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    merge: str
    """Id of the journal's row, ``merge_…``."""
    into: str
    absorbed: tuple[str, ...]
    cause: MergeCause
    evidence: MergeEvidence | None = None
    link: str | None = None
    """The operator's link (a fact id) that did it: what an undo retracts."""
    actor: str | None = None
    at: datetime
    held: bool = False


class ContactSplit(Message):
    """This contact came apart; ``parts`` are the ids of the contacts that its records are in
    now.
    """

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    contact: str
    parts: tuple[str, ...]
    cause: MergeCause
    undone: str | None = None
    """The merge (journal id) that this split takes back, if it is an undo."""
    undone_too: tuple[str, ...] = ()
    """Further merges of which nothing holds together any more."""
    at: datetime
    held: bool = False


class ContactsHeld(Message):
    """What one fact, or one heap of shared identifiers, changes is held back from CRM and webhooks
    until somebody releases it.
    """

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    hold: str
    reason: Literal["many-contacts", "work-cap"]
    fact: str | None = None
    contacts: int
    """How many contacts changed, or how many claims must be looked at."""
    at: datetime


class ContactsReleased(Message):
    """Somebody has looked: everything held is told as it is now, before this."""

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    hold: str
    at: datetime


class ContactErased(Message):
    """The person is gone; every id the contact ever had answers "gone"."""

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    contact: str
    ids: tuple[str, ...]
    erasure: str


class CommandSettled(Message):
    """The end of one command, after the changes that it caused."""

    TOPIC: ClassVar[str] = "contacts.changes.v1"

    command: str
    outcome: Literal["created", "updated", "unchanged", "refused"]
    contact: str | None = None
    """The contact as it is now, of a merge the survivor, of an undo the contact that kept the id.
    """
    contacts: tuple[str, ...] = ()
    """Where a command leaves several: the parts of an undo."""
    merge: str | None = None
    version: int | None = None
    """The contact's last version before this batch, or none: readers take the version of the
    snapshot they hold.
    """
    code: str | None = None
    """Why refused: ``version-conflict``, ``not-found``, ``erased``, ``same-contact``,
    ``separated``, ``limit``, …
    """
    outranked: tuple[str, ...] = ()
    """Fields that are stored but do not show, because a stronger class speaks."""


class CrmStateChanged(Message):
    """Where one contact stands with one connection."""

    TOPIC: ClassVar[str] = "contacts.crm.v1"

    contact: str
    connection: str
    kind: Literal["hubspot", "salesforce", "stripe", "generic"]
    state: Literal["synced", "pending", "error", "not_synced"]
    reason_code: str | None = None
    reason: str | None = None
    """A full sentence for people, without personal data."""
    remote_id: str | None = None
    remote_url: str | None = None
    synced_at: datetime | None = None
    at: datetime


class CrmConnectionChanged(Message):
    """A connection was made, changed or removed: what the read side shows beside its contacts. No
    credential.
    """

    TOPIC: ClassVar[str] = "contacts.crm.v1"

    connection: str
    kind: Literal["hubspot", "salesforce", "stripe", "generic"]
    label: str
    state: Literal["ok", "limited", "degraded", "action_needed", "paused", "off"]
    reason: str | None = None
    at: datetime
