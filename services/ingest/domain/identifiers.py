"""The identifiers that an event tells, each with its proof."""

from collections.abc import Iterator
from typing import Any

from contact_schema.metadata import address
from contact_schema.observations import ObservedIdentifier, Proof
from contact_schema.settings import AgentSettings
from contact_schema.values import channel_key, channel_type, is_blocked
from ingest.domain.placing import Arrival
from ingest.events import Event, MessageSent


def places(arrival: Arrival) -> Iterator[ObservedIdentifier]:
    agent, event = arrival.agent.agent, arrival.event
    if session := event.session_id:
        yield ObservedIdentifier(
            type="session", key=f"{agent}:{session}", given=session, proof="typed"
        )
    if browser := event.browser_id:
        yield ObservedIdentifier(
            type="browser", key=f"{agent}:{browser}", given=browser, proof="typed"
        )


def of_sender(arrival: Arrival) -> Iterator[ObservedIdentifier]:
    agent, event = arrival.agent, arrival.event
    sender, channel = event.sender, event.channel
    if sender is None or is_outbound(event):
        return
    proof = sender_proof(arrival)
    kind = channel_type(channel)
    key = _unless_blocked(agent, kind, channel_key(channel, sender.address, agent.region))
    yield ObservedIdentifier(type=kind, key=key, given=sender.address, proof=proof)
    if proof == "proven" and kind in {"whatsapp", "sms"} and key and key.startswith("+"):
        yield ObservedIdentifier(type="phone", key=key, given=key, proof=proof)


def contacts(
    agent: AgentSettings, email: Any, phone: Any, proof: Proof
) -> Iterator[ObservedIdentifier]:
    blocked = agent.policies.blocked_values
    yield from address("email", email, proof, agent.region, blocked)
    yield from address("phone", phone, proof, agent.region, blocked)


def sender_proof(arrival: Arrival) -> Proof:
    sender, channel = arrival.event.sender, arrival.event.channel
    assert sender is not None
    if not arrival.rights.proves_channels or (channel == "email" and sender.dmarc != "pass"):
        return "typed"
    return "proven"


def is_outbound(event: Event) -> bool:
    # The sender of what the team or its AI wrote is the shop, not the person.
    return isinstance(event, MessageSent) and event.direction == "outbound"


def _unless_blocked(agent: AgentSettings, kind: str, key: str | None) -> str | None:
    return None if key and is_blocked(kind, key, agent.policies.blocked_values) else key
