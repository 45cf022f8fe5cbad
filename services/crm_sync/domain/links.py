"""A contact beside a connection: which link is written, whether anything is due, in which state."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from contact_schema.changes import CrmStateChanged, Kind
from crm_sync.domain.profile import differences, properties_of
from crm_sync.domain.reasons import SENTENCES

State = Literal["synced", "pending", "error", "not_synced"]
ConnectionState = Literal["ok", "limited", "degraded", "action_needed", "paused", "off"]
Due = Literal["keep", "never", "settle", "now"]
"""When a saved link is next sent: as it was, never, after the settling time, at once."""

STICKY = frozenset({"remote_deleted", "merged_in_crm", "erased_in_crm", "blocked_in_crm", "erased"})
"""Only a person ends these, never a change of the contact."""


@dataclass(frozen=True, slots=True)
class Connection:
    space: str
    connection: str
    kind: Literal["hubspot"]
    field_map: Mapping[str, str]
    page_url: str | None = None


@dataclass(frozen=True, slots=True)
class LocalContact:
    space: str
    contact: str
    kind: Kind
    version: int
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    space: str
    connection: str
    record: str
    contact: str
    version: int
    state: State
    reason_code: str | None = None
    reason: str | None = None
    remote_id: str | None = None
    key_written: bool = False
    secondary: bool = False
    forced: bool = False
    attempts: int = 0
    synced_at: datetime | None = None
    base: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @property
    def stands(self) -> bool:
        """A remote record exists or may exist under its key."""
        return self.remote_id is not None or self.key_written


@dataclass(frozen=True, slots=True)
class Saved:
    link: Link
    due: Due


@dataclass(frozen=True, slots=True)
class LinkPlan:
    saved: tuple[Saved, ...] = ()
    dropped: tuple[Link, ...] = ()
    told: tuple[Link, ...] = ()
    """Links whose contact's state is told to the world."""


def plan_links(
    connections: Iterable[Connection],
    contacts: Iterable[LocalContact],
    links: Iterable[tuple[str, Link]],
    changed: Collection[tuple[str, str]],
    forced: Collection[tuple[str, str, str]] = (),
) -> LinkPlan:
    """What these contacts ask of their space's connections.

    ``links`` are those whose record one of the contacts holds now, earliest first, each with the
    contact that holds it: after a merge or its undo another one than the link names.
    ``changed`` names contacts with a new mapped value, ``forced`` contact and connection that a
    person re-syncs.
    """
    by_space: dict[str, list[Connection]] = {}
    for connection in connections:
        by_space.setdefault(connection.space, []).append(connection)
    held: dict[tuple[str, str, str], list[Link]] = {}
    for holder, link in links:
        held.setdefault((link.space, link.connection, holder), []).append(link)

    plans = [
        _plan_one(
            connection,
            contact,
            held.get((contact.space, connection.connection, contact.contact), ()),
            (contact.space, contact.contact) in changed,
            (contact.space, contact.contact, connection.connection) in forced,
        )
        for contact in contacts
        for connection in by_space.get(contact.space, ())
    ]
    return LinkPlan(
        tuple(saved for plan in plans for saved in plan.saved),
        tuple(link for plan in plans for link in plan.dropped),
        tuple(link for plan in plans for link in plan.told),
    )


def _plan_one(
    connection: Connection,
    contact: LocalContact,
    links: Sequence[Link],
    changed: bool,
    forced: bool,
) -> LinkPlan:
    ordered = sorted(links, key=_precedence)
    if not ordered:
        first = _first(connection, contact)
        due: Due = "never" if first.state == "not_synced" else "now" if forced else "settle"
        return LinkPlan((Saved(first, due),), (), (first,))
    primary, *others = ordered
    planned = _plan_primary(connection, contact, primary, changed, forced)
    demoted = [
        Saved(replace(link, secondary=True, contact=contact.contact), "never")
        for link in others
        if link.stands and not link.secondary
    ]
    return LinkPlan(
        (planned, *demoted),
        tuple(
            link
            for link in ordered
            if not link.stands and (link is not primary or link.record != planned.link.record)
        ),
        (planned.link,) if _is_news(primary, planned.link) or forced else (),
    )


def _precedence(link: Link) -> tuple[bool, bool, bool]:
    return link.remote_id is None, not link.key_written, link.secondary


def _first(connection: Connection, contact: LocalContact) -> Link:
    eligible = contact.kind != "anonymous"
    code = "queued" if eligible else "anonymous"
    return Link(
        contact.space,
        connection.connection,
        contact.contact,
        contact.contact,
        contact.version,
        "pending" if eligible else "not_synced",
        code,
        SENTENCES[code],
    )


def _plan_primary(
    connection: Connection, contact: LocalContact, link: Link, changed: bool, forced: bool
) -> Saved:
    # A link that nobody was sent yet takes the contact's present founder as its key
    key = link.record if link.stands else contact.contact
    current = replace(
        link, record=key, contact=contact.contact, version=contact.version, secondary=False
    )
    # The threshold gates the first push only: a linked contact stays linked
    if contact.kind == "anonymous" and not link.stands:
        return Saved(_in_state(current, "not_synced", "anonymous"), "never")
    if forced and link.reason_code != "erased":
        return Saved(_forced(current), "now")
    if link.reason_code in STICKY:
        return Saved(current, "never")
    properties = properties_of(contact.fields, connection.field_map)
    if link.remote_id is not None and not differences(properties, link.base):
        # Nothing that crosses has changed: no call
        return Saved(_in_state(current, "synced", None), "never")
    if link.state in ("pending", "error") and not changed and not link.secondary:
        return Saved(current, "keep")
    return Saved(replace(_in_state(current, "pending", "queued"), attempts=0), "settle")


def _forced(link: Link) -> Link:
    queued = replace(_in_state(link, "pending", "queued"), forced=True, attempts=0)
    # A person overrides "deleted in HubSpot": the record is made anew, under the same key
    return replace(queued, remote_id=None) if link.reason_code == "remote_deleted" else queued


def _in_state(link: Link, state: State, code: str | None) -> Link:
    return replace(
        link, state=state, reason_code=code, reason=SENTENCES[code] if code is not None else None
    )


def _is_news(before: Link, after: Link) -> bool:
    return (before.contact, before.state, before.reason_code, before.remote_id) != (
        after.contact,
        after.state,
        after.reason_code,
        after.remote_id,
    )


def state_of(link: Link, connection: Connection, at: datetime) -> CrmStateChanged:
    """The message that tells where the contact stands with the connection."""
    page = f"{connection.page_url}{link.remote_id}" if connection.page_url else None
    return CrmStateChanged(
        space=link.space,
        contact=link.contact,
        connection=link.connection,
        kind=connection.kind,
        state=link.state,
        reason_code=link.reason_code,
        reason=link.reason,
        remote_id=link.remote_id,
        remote_url=page if link.remote_id is not None else None,
        synced_at=link.synced_at,
        at=at,
    )
