"""The record of each event: its unit, the claim in force and the generation that is not fenced.

Events are folded in the order in which they were accepted. What is not known yet (whether a record
is fenced) is asked for by `Placement.unknown`; the caller looks it up and places again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, partial
from typing import Literal

from contact_schema.records import Unit, fact_id, opaque_id, record_id, unit_id
from contact_schema.settings import AgentSettings
from contact_schema.values import channel_key
from ingest.events import Event, Identify, LoggedOut

Key = tuple[str, str]
"""A space and an opaque id in it."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the key that an event came with may prove. The widget's proves nothing."""

    proves_channels: bool = False
    vouches: bool = False
    of_browser: bool = False
    """Anybody's. An adapter may name a conversation alone, and means whoever is in it; a browser
    that does means itself, or whoever knows the id of a conversation would speak as that person.
    """


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that is well formed and authorised, and no duplicate."""

    agent: AgentSettings
    space_key: bytes
    rights: Rights
    event: Event
    fact: str = field(init=False)
    """The id of what it tells, by agent and event id: a second event of one id is known by it."""

    def __post_init__(self) -> None:
        of_event = fact_id(self.space_key, "event", self.agent.agent, self.event.event_id)
        object.__setattr__(self, "fact", of_event)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an event happened: its unit, and the subjects whose claim may hold for it."""

    space: str
    unit: Unit
    unit_id: str
    session: str | None
    conversation: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim in force. ``anonymous`` is the record of its unit without a user."""

    id: str
    user: str
    record: str
    anonymous: str
    refused: bool = False
    """It was found void, and its agent rejects what comes after such a claim."""
    stale: bool = False
    """It was last written a day ago or more: to be written again, or it would be forgotten."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """The session last seen in a conversation, and the record that its last event belongs to."""

    session: str | None
    record: str
    anonymous: str
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    mode: Literal["erase", "erase_and_suppress"]
    fenced_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds about these events. A record that was looked up and is not fenced is
    ``None``.
    """

    claims: Mapping[Key, Claim] = field(default_factory=dict)
    conversations: Mapping[Key, Conversation] = field(default_factory=dict)
    fences: Mapping[Key, Fence | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its record and the claim in force; ``record`` is None when it is suppressed."""

    arrival: Arrival
    spot: Spot
    record: str | None
    claim: Claim | None
    rejected: bool = False
    """Its claim was refused; it belongs to no record either."""


@dataclass(slots=True)
class Placement:
    events: list[Placed]
    claims: dict[Key, Claim | None]
    """Opened or replaced claims; ``None``: it ended."""
    conversations: dict[Key, Conversation]
    """Those that are new or changed."""
    unknown: set[Key]
    """Records that must be looked up before this placement holds."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids of units and records, computed once for all events of a transaction."""

    unit: Callable[[bytes, Unit], str] = field(default_factory=lambda: cache(unit_id))
    record: Callable[[bytes, Unit, str | None, int], str] = field(
        default_factory=lambda: cache(record_id)
    )


def spot_of(arrival: Arrival, ids: Ids) -> Spot:
    agent, event, key = arrival.agent, arrival.event, arrival.space_key
    unit = _unit(agent, event)
    unit_of = ids.unit(key, unit)
    conversation = unit_of if event.conversation_id else None
    if not event.session_id:
        session = None
        if arrival.rights.of_browser and conversation:
            browser = event.browser_id
            session = ids.unit(key, Unit("browser", agent.agent, browser)) if browser else unit_of
    elif unit.kind == "session":
        session = unit_of
    else:
        session = ids.unit(key, Unit("session", agent.agent, event.session_id))
    return Spot(agent.space, unit, unit_of, session, conversation)


def _unit(agent: AgentSettings, event: Event) -> Unit:
    if event.conversation_id:
        return Unit("conversation", agent.agent, event.conversation_id)
    if event.session_id:
        return Unit("session", agent.agent, event.session_id)
    if sender := event.sender:
        address = channel_key(event.channel, sender.address, agent.region) or sender.address.strip()
        return Unit("sender", agent.agent, f"{event.channel}:{address}")
    if event.browser_id:
        return Unit("browser", agent.agent, event.browser_id)
    assert isinstance(event, Identify)
    return Unit("user", agent.agent, event.user_id)


def subjects_of(spots: Iterable[Spot], conversations: Mapping[Key, Conversation]) -> set[Key]:
    """All subjects whose claim may be in force for one of these events."""
    wanted: set[Key] = set()
    for spot in spots:
        wanted.update((spot.space, id_) for id_ in (spot.session, spot.unit_id) if id_)
        known = conversations.get((spot.space, spot.conversation or ""))
        if known and known.session:
            wanted.add((spot.space, known.session))
    return wanted


def place(arrivals: Sequence[Arrival], spots: Sequence[Spot], known: Known, ids: Ids) -> Placement:
    """Fold the events in order. Holds as it stands once ``unknown`` is empty, or nothing in it is
    fenced.
    """
    result = Placement([], {}, {}, set())
    for arrival, spot in zip(arrivals, spots, strict=True):
        _place_one(arrival, spot, known, ids, result)
    return result


def _place_one(arrival: Arrival, spot: Spot, known: Known, ids: Ids, result: Placement) -> None:
    event, key = arrival.event, arrival.space_key
    subject = _subject(spot, known, result)
    claim = result.claims.get(subject, known.claims.get(subject))
    if claim and claim.refused and not isinstance(event, Identify | LoggedOut):
        result.events.append(Placed(arrival, spot, None, None, rejected=True))
        return
    if claim and claim.stale:
        claim = result.claims[subject] = replace(claim, stale=False)
    user = event.user_id if isinstance(event, Identify) else claim.user if claim else None
    find = partial(_living, key, spot.space, ids=ids, known=known, unknown=result.unknown)
    record = find(spot.unit, user, occurred_at=event.occurred_at)
    anonymous = record if user is None else find(spot.unit, None)
    if record is None or anonymous is None:
        result.events.append(Placed(arrival, spot, None, None))
        return
    if isinstance(event, Identify):
        id_ = opaque_id(key, "claim", arrival.agent.agent, event.event_id)
        claim = Claim(id_, event.user_id, record, anonymous)
        if spot.unit.kind != "user":
            result.claims[subject] = _of_its_session(claim, arrival, find)
    elif isinstance(event, LoggedOut):
        result.claims[subject] = None
    if spot.conversation:
        session = spot.session or (subject[1] if subject[1] != spot.conversation else None)
        conversation, place_ = (
            Conversation(session, record, anonymous),
            (spot.space, spot.conversation),
        )
        if result.conversations.get(place_, known.conversations.get(place_)) != conversation:
            result.conversations[place_] = conversation
    result.events.append(Placed(arrival, spot, record, claim))


def _of_its_session(claim: Claim, arrival: Arrival, find: Callable[..., str | None]) -> Claim:
    """The claim as its session holds it: with the session's own anonymous record, so that an
    erasure also reaches late events of the session outside the conversation.
    """
    session = arrival.event.session_id
    if not session:
        return claim
    own = find(Unit("session", arrival.agent.agent, session), None)
    return replace(claim, anonymous=own or claim.anonymous)


def _subject(spot: Spot, known: Known, result: Placement) -> Key:
    """Whose claim is in force: the session's, of a conversation alone that of the session last
    seen in it, else the unit's own.
    """
    if spot.session or not spot.conversation:
        return spot.space, spot.session or spot.unit_id
    conversation = (spot.space, spot.conversation)
    seen = result.conversations.get(conversation, known.conversations.get(conversation))
    return spot.space, (seen and seen.session) or spot.conversation


def _living(
    key: bytes,
    space: str,
    unit: Unit,
    user: str | None,
    *,
    ids: Ids,
    known: Known,
    unknown: set[Key],
    occurred_at: datetime | None = None,
) -> str | None:
    """The record of the lowest generation that is not fenced; ``None`` when the event belongs to
    what was erased. A sender's clock can only suppress an event, never admit one.
    """
    generation = 0
    while True:
        record = ids.record(key, unit, user, generation)
        if (space, record) not in known.fences:
            unknown.add((space, record))
            return record
        fence = known.fences[space, record]
        if fence is None:
            return record
        if fence.mode == "erase_and_suppress" or (occurred_at and occurred_at < fence.fenced_at):
            return None
        generation += 1
