"""Acceptance on a real database: duplicates, claims over several requests, fences, receipts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from contact_schema.adapter_events import AdapterEvent
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    FenceRecords,
    Mode,
    SliceErased,
    SliceFenced,
)
from contact_schema.interactions import IdentityClaimed, IdentityRefused, InteractionAccepted
from contact_schema.records import Unit, record_id, space_key
from contact_schema.settings import AgentSettings, Policies, key_digest
from ingest import store
from ingest.app import EVENTS_KEPT
from ingest.handlers import Streams, accept, on_erasure
from ingest.keys import Keys
from service_kit.replica import Replica
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.ingest.arrivals import (
    AGENT,
    API_KEY,
    NOW,
    READER_KEY,
    SECRET,
    SPACE,
    agent,
    arrival,
    event,
    identify,
    message,
)

KEY = space_key(SECRET, SPACE)
MINUTE = timedelta(minutes=1)


def of(kind: Any, name: str, user: str | None = None, generation: int = 0) -> str:
    return record_id(KEY, Unit(kind, AGENT, name), user, generation)


async def send(tx: Tx, *sent: dict[str, Any], later: timedelta = timedelta()) -> list[str]:
    """Accept these in one request; the records of what was accepted by it."""
    before = len(tx.emitted)
    await accept(tx, [arrival(one) for one in sent], NOW + later)
    return [m.record for m in tx.emitted[before:] if isinstance(m, InteractionAccepted)]


async def fence(tx: Tx, records: Sequence[str], mode: Mode = "erase", number: int = 1) -> None:
    order = FenceRecords(
        space=SPACE,
        erasure=f"erasure_{number}",
        records=tuple(records),
        mode=mode,
        fenced_at=NOW + number * MINUTE,
        ledger_no=number,
    )
    await on_erasure([received(order)], tx)


async def erase(tx: Tx, records: Sequence[str], number: int = 1) -> SliceErased:
    order = EraseRecords(
        space=SPACE,
        erasure=f"erasure_{number}",
        records=tuple(records),
        ids=tuple(records[:1]),
        ledger_no=number,
    )
    await on_erasure([received(order)], tx)
    receipt = tx.emitted[-1]
    assert isinstance(receipt, SliceErased)
    return receipt


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


async def test_a_fenced_record_goes_on_as_its_next_generation(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    await send(tx, message())
    await fence(tx, [of("conversation", "c1")])
    assert tx.emitted[-1] == SliceFenced(
        space=SPACE, erasure="erasure_1", slice="ingest", ledger_no=1
    )
    afterwards = message(occurred_at=(NOW + 2 * MINUTE).isoformat())
    assert await send(tx, afterwards, later=2 * MINUTE) == [of("conversation", "c1", None, 1)]

    await fence(tx, [of("conversation", "c1", None, 1)], number=3)
    again = message(occurred_at=(NOW + 4 * MINUTE).isoformat())
    assert await send(tx, again, later=4 * MINUTE) == [of("conversation", "c1", None, 2)]


async def test_an_event_of_before_the_fence_is_suppressed_and_stays_a_duplicate(
    tx_of: TxOf,
) -> None:
    tx = await tx_of("ingest")
    await fence(tx, [of("conversation", "c1")])
    before, elsewhere = message(), message(conversation_id="c2")
    accepted = await accept(tx, [arrival(before), arrival(elsewhere)], NOW + 2 * MINUTE)
    assert accepted.suppressed == (True, False)
    assert accepted.duplicates == (False, False)
    assert (await accept(tx, [arrival(before)], NOW + 3 * MINUTE)).duplicates == (True,)


async def test_a_suppressed_unit_takes_nothing_any_more(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    await fence(tx, [of("conversation", "c1")], mode="erase_and_suppress")
    later = message(occurred_at=(NOW + 2 * MINUTE).isoformat())
    assert await send(tx, later, later=2 * MINUTE) == []


async def test_a_restore_lifts_the_fence(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    await fence(tx, [of("conversation", "c1")])
    restored = ErasureAdvanced(space=SPACE, erasure="erasure_1", state="restored", at=NOW)
    await on_erasure([received(restored)], tx)
    assert await send(tx, message()) == [of("conversation", "c1")]


async def test_an_erasure_deletes_the_claim_and_answers_with_its_counts(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    lead = {"email": "ada@example.com"}
    records = await send(
        tx, identify("u1"), message(), event("lead_captured", conversation_id="c1", lead=lead)
    )
    await fence(tx, records)
    receipt = await erase(tx, records)
    assert receipt.counts == {"claims": 1, "conversations": 1, "typed_addresses": 1}
    assert receipt.left == 0
    assert [expiry.store for expiry in receipt.expires] == ["outbox"]
    assert (await erase(tx, records)).counts == receipt.counts

    after = message(occurred_at=(NOW + 2 * MINUTE).isoformat())
    (record,) = await send(tx, after, later=2 * MINUTE)
    assert record not in {of("conversation", "c1", "u1"), of("conversation", "c1", "u1", 1)}


async def test_a_late_event_of_an_erased_user_does_not_come_back_as_a_stranger_s(
    tx_of: TxOf,
) -> None:
    """His conversation had no anonymous record that could be fenced, and his claim is gone."""
    tx = await tx_of("ingest")
    records = await send(tx, identify("u1"), message())
    await fence(tx, records)
    await erase(tx, records)
    assert await send(tx, message("sent before, arrived late"), later=5 * MINUTE) == []
    assert await send(tx, event("page_viewed", page={"url": "/"}), later=5 * MINUTE) == []


async def test_of_two_users_in_one_conversation_only_one_is_erased(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    first = await send(tx, identify("u1"), message())
    second = await send(tx, identify("u2"), message())
    await fence(tx, first)
    receipt = await erase(tx, first)
    assert receipt.left == 0
    assert await send(tx, message(), later=2 * MINUTE) == [second[1]]


def streams(**changes: Any) -> Streams:
    settings = Replica(AgentSettings)
    settings.put(AGENT, agent(**changes))
    return Streams(Keys(settings), SECRET, settings)


def adapter_event(sent: dict[str, Any], key: str = API_KEY, of_agent: str = AGENT) -> AdapterEvent:
    return AdapterEvent(space=SPACE, agent=of_agent, key_digest=key_digest(key), event=sent)


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


async def test_the_kafka_door_counts_what_an_erased_person_sent(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    await fence(tx, [of("conversation", "c1")])
    late = received(adapter_event(message()))
    await streams().on_adapter_events([late], tx)
    assert tx.suppressed == [late]


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
