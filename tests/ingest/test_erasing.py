"""Fences and erasures at the door: nothing of an erased person comes back, late events neither."""

from collections.abc import Sequence

from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    FenceRecords,
    Mode,
    SliceErased,
    SliceFenced,
)
from ingest.handlers import accept, on_erasure
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.ingest.accepting import MINUTE, adapter_event, of, send, streams
from tests.ingest.arrivals import (
    NOW,
    SPACE,
    arrival,
    event,
    identify,
    message,
)


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


async def test_the_kafka_door_counts_what_an_erased_person_sent(tx_of: TxOf) -> None:
    tx = await tx_of("ingest")
    await fence(tx, [of("conversation", "c1")])
    late = received(adapter_event(message()))
    await streams().on_adapter_events([late], tx)
    assert tx.suppressed == [late]
