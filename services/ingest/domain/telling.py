"""What becomes of a placed event: its messages, within the limit on typed addresses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from contact_schema.envelope import Message
from contact_schema.interactions import IdentityClaimed, InteractionAccepted
from contact_schema.metadata import metadata_fields
from contact_schema.observations import FieldClass, Observation, ObservedIdentifier, Proof
from contact_schema.records import fact_id, opaque_id
from ingest.domain.fields import detail_of, fields_of, metadata_of
from ingest.domain.identifiers import contacts, of_sender, places
from ingest.domain.placing import Arrival, Placed
from ingest.events import Identify, LeadCaptured

TYPED_ADDRESSES_OF_A_UNIT: Final = 5
"""A chain of typed addresses must cost its author, not us: those above link nothing."""


@dataclass(frozen=True, slots=True)
class Address:
    """A typed e-mail or phone of a unit, as a keyed hash."""

    space: str
    unit: str
    hash: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A placed event with all that it tells, before the limit on typed addresses."""

    placed: Placed
    identifiers: tuple[ObservedIdentifier, ...]
    claimed: tuple[ObservedIdentifier, ...]
    """What the metadata of an identify says; void with its claim."""

    def address(self, identifier: ObservedIdentifier) -> Address | None:
        """Where this identifier counts against the limit, if it does."""
        if identifier.proof != "typed" or identifier.type not in {"email", "phone"}:
            return None
        if identifier.key is None:
            return None
        key, spot = self.placed.arrival.space_key, self.placed.spot
        hashed = opaque_id(key, "address", identifier.type, identifier.key)
        return Address(spot.space, spot.unit_id, hashed)

    def addresses(self) -> Iterator[Address]:
        for identifier in (*self.identifiers, *self.claimed):
            if address := self.address(identifier):
                yield address


def draft(placed: Placed) -> Draft:
    arrival = placed.arrival
    event = arrival.event
    claimed: tuple[ObservedIdentifier, ...] = ()
    told = [*places(arrival), *of_sender(arrival)]
    if isinstance(event, LeadCaptured):
        told += contacts(arrival.agent, event.lead.email, event.lead.phone, "typed")
    if isinstance(event, Identify):
        metadata = metadata_of(event)
        proof: Proof = "asserted" if _is_vouched(arrival) else "typed"
        claimed = tuple(
            contacts(arrival.agent, metadata.get("email"), metadata.get("phone"), proof)
        )
    return Draft(placed, tuple(told), claimed)


def within_limit(
    drafts: Iterable[Draft], known: Iterable[Address]
) -> tuple[list[Draft], dict[Address, str]]:
    """The drafts, typed addresses above the limit without their keys, and the addresses that are
    new with the record that brought them.
    """
    counted: dict[tuple[str, str], set[str]] = {}
    for address in known:
        counted.setdefault((address.space, address.unit), set()).add(address.hash)
    new: dict[Address, str] = {}

    def limited(entry: Draft, identifier: ObservedIdentifier) -> ObservedIdentifier:
        if (address := entry.address(identifier)) is None or entry.placed.record is None:
            return identifier
        hashes = counted.setdefault((address.space, address.unit), set())
        if address.hash not in hashes:
            if len(hashes) >= TYPED_ADDRESSES_OF_A_UNIT:
                return identifier.model_copy(update={"key": None})
            hashes.add(address.hash)
            new[address] = entry.placed.record
        return identifier

    result = [
        replace(
            entry,
            identifiers=tuple(limited(entry, identifier) for identifier in entry.identifiers),
            claimed=tuple(limited(entry, identifier) for identifier in entry.claimed),
        )
        if any(True for _ in entry.addresses())
        else entry
        for entry in drafts
    ]
    return result, new


def messages_of(entry: Draft, now: datetime) -> Iterator[Message]:
    """The messages of one event that is not suppressed, in order."""
    placed, spot = entry.placed, entry.placed.spot
    agent, event = placed.arrival.agent, placed.arrival.event
    assert placed.record is not None
    fields, field_class = fields_of(placed.arrival)
    yield InteractionAccepted(
        space=spot.space,
        agent=agent.agent,
        event_id=event.event_id,
        record=placed.record,
        unit=spot.unit_id,
        claim=placed.claim.id if placed.claim else None,
        type=event.type,
        channel=event.channel,
        conversation=event.conversation_id,
        session=event.session_id,
        observation=_observation(
            placed, placed.arrival.fact, now, entry.identifiers, fields, field_class
        ),
        detail=detail_of(event),
    )
    if isinstance(event, Identify) and placed.claim:
        vouched = _is_vouched(placed.arrival)
        yield IdentityClaimed(
            space=spot.space,
            agent=agent.agent,
            claim=placed.claim.id,
            event_id=event.event_id,
            record=placed.record,
            unit=spot.unit_id,
            user=event.user_id,
            user_hash=_signature(event.user_hash),
            token=_signature(event.token),
            vouched=vouched,
            observation=_observation(
                placed,
                fact_id(placed.arrival.space_key, "claim", agent.agent, event.event_id),
                now,
                entry.claimed,
                metadata_fields(metadata_of(event), vouched),
                "system" if vouched else "self",
            ),
        )


def _observation(
    placed: Placed,
    fact: str,
    now: datetime,
    identifiers: tuple[ObservedIdentifier, ...],
    fields: dict[str, Any],
    field_class: FieldClass,
) -> Observation:
    return Observation(
        fact=fact,
        at=now,
        occurred_at=min(placed.arrival.event.occurred_at, now),
        identifiers=identifiers,
        fields=fields,
        field_class=field_class,
    )


def _is_vouched(arrival: Arrival) -> bool:
    """The customer's own server says who it is, and sent no signature that could be wrong."""
    event = arrival.event
    return isinstance(event, Identify) and event.unsigned and arrival.rights.vouches


def _signature(given: Any) -> str | None:
    # Anything but a text is kept as an empty one, so that it is refused as malformed.
    return given if given is None or isinstance(given, str) else ""
