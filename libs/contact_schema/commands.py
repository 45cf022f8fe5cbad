"""Commands of ``contacts.commands.v1``: what people, keys and connected systems order. Each is
settled once.

Fact ids are chosen by the sender, so that a repeat is one fact and the sender can retract it.
"""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from contact_schema.envelope import Message, Personal, Value
from contact_schema.observations import Fields, IdentifierType, Observation
from contact_schema.settings import Policies


class Actor(Value):
    """Who ordered it: a person of the team, an API key, a connection or the system. Ids only."""

    kind: Literal["user", "key", "connection", "system"]
    id: str


class Command(Message):
    """What every order carries. ``command`` is its id and the id by which `CommandSettled`
    answers.
    """

    TOPIC: ClassVar[str] = "contacts.commands.v1"

    command: str
    actor: Actor
    at: datetime
    """When it was ordered (UTC): the ``t`` of the facts that it makes."""


class ObserveRecord(Command):
    """An API or import row, or a CRM record as read, tells what it knows. Equal to what is known:
    ``unchanged``.
    """

    record: str
    unit: str
    observation: Observation
    expected_version: int | None = None


class EditContact(Command):
    """An edit of what a contact shows, held by its founding record of this moment: class
    ``operator`` when a person of the team ordered it, ``system`` when a key or a connection did.
    """

    contact: str
    fact: str
    fields: Fields = Field(default_factory=dict)
    """Sent fields only; ``None`` clears. ``audience`` pins; ``None`` releases the pin. ``email``
    and ``phone`` hold ``{"key": …, "given": …}``, normalised at the door.
    """
    replace_tags: tuple[Personal, ...] | None = None
    add_tags: tuple[Personal, ...] = ()
    remove_tags: tuple[Personal, ...] = ()
    expected_version: int | None = None


class Pick(Value):
    """In a merge: this field takes the value that this contact shows."""

    field: str
    contact: str


class LinkRecords(Command):
    """An operator says: one person. The survivor's side keeps its id; undone by retracting
    ``fact``.
    """

    fact: str
    left: str
    right: str
    survivor: str | None = None
    picks: tuple[Pick, ...] = ()
    lift: tuple[str, ...] = ()
    """Separations (fact ids) that are lifted with it."""
    expected_left_version: int | None = None
    expected_right_version: int | None = None


class SideIdentifier(Value):
    type: IdentifierType
    key: Personal


class Side(Value):
    """One side of a separation: its records, and the shared identifiers that it keeps."""

    records: tuple[str, ...]
    identifiers: tuple[SideIdentifier, ...] = ()


class Owner(SideIdentifier):
    """Whose this shared identifier is from now on: ``contact`` is any id of one of the sides."""

    contact: str


class SeparateRecords(Command):
    """An operator says: not one person. Undoing an automatic merge names it in ``merge`` in place
    of ``sides``: they are what it had joined, as they were.
    """

    fact: str
    sides: tuple[Side, ...] = ()
    merge: str | None = None
    owners: tuple[Owner, ...] = ()
    """Of a merge's shared identifiers; one that is not named goes to the stronger claim."""


class RetractFacts(Command):
    """These facts or decisions never were. Undoing an operator's merge retracts its link.

    With ``keep_apart`` the sides that the link had joined are separated as they were, if other
    evidence would still join them.
    """

    facts: tuple[str, ...]
    keep_apart: bool = False
    owners: tuple[Owner, ...] = ()
    """Who keeps which shared identifier, where the sides are separated."""


class BlockIdentifier(Command):
    """This identifier never links anything; lifted by retracting ``fact``."""

    fact: str
    identifier: SideIdentifier


class ReleaseIdentifier(Command):
    """This identifier changed hands at ``at``: a recycled number, a browser handed over."""

    fact: str
    identifier: SideIdentifier


class ChangePolicy(Command):
    """The rules of the space from here on, whole. What they change is told as it is found."""

    policies: Policies


class RevokeProof(Command):
    """Proofs of these user ids so far count as typed: those accepted up to ``at``, and whatever was
    signed by then. Read by the resolver (``fact``) and by `identity_verify`.
    """

    contact: str
    fact: str
    users: tuple[Personal, ...]
    """Byte-exact, as in `IdentityClaimed`."""
    expected_version: int | None = None


class ResyncContact(Command):
    """Compare this contact with its CRM afresh; for `crm_sync`, which skips threshold and settling
    time for it.
    """

    contact: str
    connection: str | None = None
