"""The protocol on a real database: the ledger, the orders, the repeats and the door."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr

from contact_schema.envelope import Message
from contact_schema.erasure import (
    SLICES,
    EraseRecords,
    ErasureAdvanced,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from gdpr_purge import store
from gdpr_purge.app import build
from gdpr_purge.domain import first_broken
from gdpr_purge.handlers import on_clock, on_erasure
from gdpr_purge.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Runtime
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.gdpr_purge.test_domain import (
    ERASURE,
    SPACE,
    all_erased,
    all_fenced,
    erased,
    requested,
    scoped,
)


@pytest.fixture
async def tx(tx_of: TxOf) -> Tx:
    return await tx_of("gdpr_purge")


async def receive(tx: Tx, *messages: Message, time_scale: float = 1) -> list[Message]:
    """What one batch makes it say."""
    before = len(tx.emitted)
    await on_erasure([received(message) for message in messages], tx, time_scale=time_scale)
    return tx.emitted[before:]


def states(messages: list[Message]) -> list[str]:
    return [message.state for message in messages if isinstance(message, ErasureAdvanced)]


async def test_an_erasure_goes_from_request_to_erased_and_drops_its_ids(tx: Tx) -> None:
    [fence] = await receive(tx, requested(), scoped())
    assert isinstance(fence, FenceRecords)
    assert (fence.records, fence.ledger_no) == (("contact_a", "contact_b"), 1)
    told = await receive(tx, *all_fenced())
    assert states(told) == ["fenced", "erasing"]
    [order] = [message for message in told if isinstance(message, EraseRecords)]
    assert (order.records, order.ids, order.ledger_no) == (
        ("contact_a", "contact_b"),
        ("contact_a", "contact_b"),
        2,
    )
    assert states(await receive(tx, *all_erased())) == ["erased"]
    row = await tx.connection.fetchrow("SELECT records, ids, state FROM gdpr_purge.erasures")
    assert dict(row) == {"records": [], "ids": [], "state": "erased"}


async def test_one_message_a_batch_comes_to_the_same_end(tx: Tx) -> None:
    story = [scoped(), requested(), *all_fenced(), *all_fenced(), *all_erased(), *all_erased()]
    for message in story:
        await receive(tx, message)
    assert states(tx.emitted) == ["fenced", "erasing", "erased"]
    assert len([m for m in tx.emitted if isinstance(m, FenceRecords | EraseRecords)]) == 2


async def test_it_answers_for_its_own_slice(tx: Tx) -> None:
    [fence] = await receive(tx, requested(), scoped())
    [own] = await receive(tx, fence)
    assert isinstance(own, SliceFenced)
    assert (own.slice, own.ledger_no) == ("gdpr_purge", 1)
    told = await receive(tx, *all_fenced())
    [own_receipt] = await receive(tx, *(m for m in told if isinstance(m, EraseRecords)))
    assert isinstance(own_receipt, SliceErased)
    assert (own_receipt.slice, own_receipt.left, own_receipt.ledger_no) == ("gdpr_purge", 0, 2)


async def test_a_step_without_its_receipts_is_sent_again_and_no_more(tx: Tx) -> None:
    [fence] = await receive(tx, requested(), scoped())
    await tx.connection.execute(
        "UPDATE gdpr_purge.erasures SET sent_at = now() - interval '25 hours'"
    )
    before = len(tx.emitted)
    assert await on_clock(tx, repeat_seconds=86_400) == 1
    assert tx.emitted[before:] == [fence]
    assert await on_clock(tx, repeat_seconds=86_400) == 0


async def test_the_end_of_the_grace_erases(tx: Tx) -> None:
    request = requested(grace_days=7).model_copy(
        update={"requested_at": datetime.now(UTC) - timedelta(days=8)}
    )
    await receive(tx, request, scoped())
    told = await receive(tx, *all_fenced())
    assert states(told) == ["fenced", "grace"]
    before = len(tx.emitted)
    await on_clock(tx, repeat_seconds=86_400)
    assert [type(m).__name__ for m in tx.emitted[before:]] == ["EraseRecords", "ErasureAdvanced"]
    assert states(await receive(tx, *all_erased())) == ["erased"]


async def test_a_grace_that_is_not_over_is_left_alone(tx: Tx) -> None:
    request = requested(grace_days=7).model_copy(update={"requested_at": datetime.now(UTC)})
    await receive(tx, request, scoped(), *all_fenced())
    assert await on_clock(tx, repeat_seconds=86_400) == 0


async def test_two_erasures_of_one_batch_stand_one_after_the_other_in_the_ledger(tx: Tx) -> None:
    other = {"erasure": "erasure_2"}
    await receive(
        tx,
        requested(),
        requested().model_copy(update=other),
        scoped(),
        scoped().model_copy(update=other),
    )
    entries = [entry for entry, _ in await store.list_entries(tx, 0, 10)]
    assert [(e.number, e.erasure) for e in entries] == [(1, ERASURE), (2, "erasure_2")]
    assert first_broken(entries) is None
    _, detail = (await store.list_entries(tx, 0, 1))[0]
    assert detail is not None
    assert detail["records"] == ["contact_a", "contact_b"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gdpr_purge.ledger SET erasure = 'another'",
        "DELETE FROM gdpr_purge.ledger",
    ],
)
async def test_the_database_refuses_to_change_the_ledger(tx: Tx, statement: str) -> None:
    await receive(tx, requested(), scoped())
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await tx.connection.execute(statement)


async def test_the_detail_can_be_dropped_and_the_chain_still_holds(tx: Tx) -> None:
    await receive(tx, requested(), scoped(), *all_fenced())
    await tx.connection.execute("DELETE FROM gdpr_purge.ledger_details WHERE number = 1")
    entries = await store.list_entries(tx, 0, 10)
    assert [detail is None for _, detail in entries] == [True, False]
    assert first_broken(entry for entry, _ in entries) is None


@pytest.fixture
async def door(database: str, secret: str) -> AsyncIterator[tuple[Runtime, AsyncClient]]:
    settings = Settings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=SecretStr(migrate.service_dsn(database, "gdpr_purge", secret)),
        secret=SecretStr(secret),
        service_token=SecretStr("a service token"),
    )
    service = build(settings)
    runtime = Runtime(service)
    await runtime.open()
    async with AsyncClient(
        transport=ASGITransport(build_app(service, runtime)), base_url="http://purge"
    ) as client:
        client.headers["Authorization"] = "Bearer a service token"
        yield runtime, client
    await runtime.close()


async def test_the_door_shows_every_receipt_and_the_ledger(
    door: tuple[Runtime, AsyncClient],
) -> None:
    runtime, client = door
    async with runtime.transaction([SPACE]) as tx:
        await receive(tx, requested(), scoped(), *all_fenced(), erased("ingest", left=2))
    shown = (await client.get(f"/internal/v1/erasures/{ERASURE}?space={SPACE}")).json()
    assert (shown["state"], shown["ledger"]) == ("blocked", {"fence": 1, "erase": 2})
    steps = [(r["step"], r["slice"], r["left"]) for r in shown["receipts"]]
    assert sorted(steps) == sorted(
        [("erase", "ingest", 2), *(("fence", name, 0) for name in SLICES)]
    )
    ledger = (await client.get("/internal/v1/ledger?after=0&limit=1")).json()
    assert [entry["number"] for entry in ledger["data"]] == [1]
    assert ledger["has_more"] is True
    rest = (await client.get("/internal/v1/ledger?after=1")).json()
    assert [entry["kind"] for entry in rest["data"]] == ["erase"]


async def test_the_door_keeps_spaces_apart_and_asks_for_the_token(
    door: tuple[Runtime, AsyncClient],
) -> None:
    runtime, client = door
    async with runtime.transaction([SPACE]) as tx:
        await receive(tx, requested())
    other = await client.get(f"/internal/v1/erasures/{ERASURE}?space=space_other")
    assert other.status_code == 404
    del client.headers["Authorization"]
    assert (await client.get("/internal/v1/ledger")).status_code == 401
