"""Acceptance on a real database: duplicates, claims over several requests, the Kafka door."""

from datetime import UTC, datetime
from typing import Any

from contact_schema.interactions import IdentityClaimed, IdentityRefused, InteractionAccepted
from contact_schema.settings import Policies
from ingest import store
from ingest.app import EVENTS_KEPT
from ingest.handlers import accept
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.ingest.accepting import adapter_event, of, send, streams
from tests.ingest.arrivals import (
    AGENT,
    NOW,
    READER_KEY,
    SPACE,
    arrival,
    event,
    identify,
    message,
)


async def test_a_second_event_of_one_id_is_a_duplicate_beside_it_and_later(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    once, other = message(), message()
    beside = await accept(tx, [arrival(once), arrival(other), arrival(once)], NOW)
    assert beside.duplicates == (False, False, True)
    later = await accept(tx, [arrival(once), arrival(message())], NOW)
    assert later.duplicates == (True, False)
    assert len(tx.emitted) == 3


async def test_two_agents_may_use_the_same_event_id(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    sent = message()
    accepted = await accept(tx, [arrival(sent), arrival(sent, agent="agent_b")], NOW)
    assert accepted.duplicates == (False, False)


async def test_a_claim_holds_over_requests_until_its_session_logs_out(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    assert await send(tx, identify("u1")) == [of("session", "s1", "u1")]
    assert await send(tx, message()) == [of("conversation", "c1", "u1")]
    assert await send(tx, message(session_id=None)) == [of("conversation", "c1", "u1")]
    assert await send(tx, identify("u2"), message()) == [
        of("session", "s1", "u2"),
        of("conversation", "c1", "u2"),
    ]
    await send(tx, event("logged_out"))
    assert await send(tx, message(), message(session_id=None)) == [of("conversation", "c1")] * 2


async def test_typed_addresses_are_counted_over_requests(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    for number in (1, 2, 3, 4, 5, 6, 2):
        lead = {"email": f"a{number}@example.com"}
        await send(tx, event("lead_captured", conversation_id="c1", lead=lead))
    keys = [
        one.key
        for m in tx.emitted
        if isinstance(m, InteractionAccepted)
        for one in m.observation.identifiers
        if one.type == "email"
    ]
    assert [key is None for key in keys] == [False] * 5 + [True, False]


async def test_the_kafka_door_takes_the_same_events_and_names_why_it_refuses(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    good = message()
    batch = [
        received(one)
        for one in (
            adapter_event(good),
            adapter_event(message(), key="unknown"),
            adapter_event(message(), of_agent="agent_of_somebody_else"),
            adapter_event(message(), key=READER_KEY),
            adapter_event(event("massage")),
            adapter_event(good),
            adapter_event(message("nul \0")),
        )
    ]
    await streams().on_adapter_events(batch, tx)
    assert [slug for _, slug in tx.rejected] == [
        "unauthenticated",
        "unauthenticated",
        "missing-scope",
        "unknown-type",
        "unkeepable",
    ]
    assert [type(m) for m in tx.emitted] == [InteractionAccepted]


async def refuse(tx: Tx, policy: Any, code: Any = "bad-signature") -> None:
    """The verdict on the claim that was made last."""
    claimed = [m for m in tx.emitted if isinstance(m, IdentityClaimed)][-1]
    verdict = IdentityRefused(
        space=SPACE,
        agent=AGENT,
        claim=claimed.claim,
        record=claimed.record,
        unit=claimed.unit,
        code=code,
        at=NOW,
    )
    policies = Policies(on_bad_signature=policy)
    await streams(policies=policies).on_identity([received(verdict)], tx)


async def test_what_comes_after_a_refused_claim_is_rejected_until_somebody_else_is_there(
    tx_of: TxOf,
) -> None:
    tx = await tx_of("ingest")
    await send(tx, identify("u1"), message())
    await refuse(tx, "reject")
    outcome = await accept(tx, [arrival(one) for one in (message(), event("session_started"))], NOW)
    assert (outcome.rejected, outcome.suppressed) == ((True, True), (False, False))
    assert await send(tx, message(session_id=None)) == []  # of the conversation alone
    assert len(await send(tx, message(session_id="s2", conversation_id="c2"))) == 1

    assert len(await send(tx, identify("u2"), message())) == 2
    await refuse(tx, "reject")
    assert await send(tx, message()) == []
    assert len(await send(tx, event("logged_out"), message())) == 2


async def test_a_refused_claim_makes_anonymous_unless_the_agent_rejects(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    for policy, code in (("anonymous", "bad-signature"), ("reject", "blocked")):
        await send(tx, identify("u1"))
        await refuse(tx, policy, code)
        assert len(await send(tx, message())) == 1


async def test_a_verdict_on_an_older_claim_says_nothing_of_the_one_in_force(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    await send(tx, identify("u1"))
    older = tx.emitted[-1:]
    await send(tx, identify("u1"))
    now, tx.emitted = tx.emitted, older
    await refuse(tx, "reject")
    tx.emitted = now
    assert len(await send(tx, message())) == 1


async def test_claims_and_conversations_are_forgotten_eight_days_after_their_last_use(
    tx_of: TxOf,
) -> None:
    tx = await tx_of("ingest")

    async def pass_days(days: int) -> None:
        for table in ("claims", "conversations"):
            await tx.connection.execute(
                f"UPDATE ingest.{table} SET used_at = used_at - make_interval(days => $1)", days
            )
        before = datetime.now(UTC) - EVENTS_KEPT
        for portion in (store.prune_claims, store.prune_conversations):
            assert await portion(tx, before, 10) < 10

    await send(tx, identify("u1", conversation_id="c1"))
    for _ in range(3):  # in use for 18 days
        await pass_days(6)
        assert await send(tx, message(session_id=None)) == [of("conversation", "c1", "u1")]
    await pass_days(9)
    assert await send(tx, message(session_id=None)) == [of("conversation", "c1")]
