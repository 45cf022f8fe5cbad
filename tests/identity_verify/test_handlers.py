"""Claims on a real database: verdicts, secrets that end, fences, receipts."""

from datetime import UTC, datetime, timedelta

from contact_schema.erasure import EraseRecords, FenceRecords, SliceErased, SliceFenced
from contact_schema.interactions import IdentityRefused, IdentityVerified
from contact_schema.settings import AgentSettings
from identity_verify import store
from identity_verify.handlers import Streams, on_erasure
from identity_verify.sealing import Sealer
from service_kit.replica import Replica
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.identity_verify.claims import AGENT, NOW, SPACE, agent, claim, sign

SEALER = Sealer("a deployment secret")


def streams() -> Streams:
    settings = Replica(AgentSettings)
    settings.put(AGENT, agent())
    return Streams(SEALER, settings)


async def keep(tx: Tx, secret: str, of_agent: str = AGENT) -> str:
    return await store.insert_secret(
        tx, SEALER, of_agent, f"id-of-{secret}", secret, encoding="utf8", label="", now=NOW
    )


async def verdicts(tx: Tx) -> dict[str, str]:
    rows = await tx.connection.fetch("SELECT claim, outcome FROM identity_verify.verdicts")
    return {row["claim"]: row["outcome"] for row in rows}


async def test_each_claim_gets_its_verdict_and_the_user_id_is_not_kept(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    await keep(tx, "one")
    await keep(tx, "other", of_agent="agent_b")
    claims = [
        claim("u1", 1, user_hash=sign("one", "u1")),
        claim("u2", 2, user_hash=sign("other", "u2")),
        claim("u3", 3),
        claim("demo-1", 4, user_hash=sign("one", "demo-1")),
        claim("u5", 5, vouched=True),
    ]
    await streams().on_identify([received(one) for one in claims], tx)
    assert [type(told) for told in tx.emitted] == [
        IdentityVerified,
        IdentityRefused,
        IdentityRefused,
        IdentityRefused,
        IdentityVerified,
    ]
    assert await verdicts(tx) == {
        "claim_1": "proven",
        "claim_2": "bad-signature",
        "claim_3": "no-signature",
        "claim_4": "blocked",
        "claim_5": "asserted",
    }


async def test_a_secret_proves_until_its_overlap_ends(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    await keep(tx, "old")
    new = await keep(tx, "new")
    now = datetime.now(UTC)
    for number, (ends_in, expected) in enumerate(
        ((timedelta(hours=1), "proven"), (timedelta(0), "bad-signature"))
    ):
        await store.end_other_secrets(tx, AGENT, new, now + ends_in)
        signed = claim("u1", number, user_hash=sign("old", "u1"))
        await streams().on_identify([received(signed)], tx)
        assert (await verdicts(tx))[f"claim_{number}"] == expected


async def test_the_same_secret_given_again_is_the_same_one(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    assert await keep(tx, "one") == await keep(tx, "one")
    assert await keep(tx, "one", of_agent="agent_b") != ""
    assert len(await store.list_secrets(tx, AGENT)) == 1


async def test_a_claim_on_a_fenced_record_is_suppressed(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    fence = FenceRecords(
        space=SPACE,
        erasure="erasure_1",
        records=("contact_1",),
        mode="erase",
        fenced_at=NOW,
        ledger_no=1,
    )
    await on_erasure([received(fence)], tx)
    assert tx.emitted == [
        SliceFenced(space=SPACE, erasure="erasure_1", slice="identity_verify", ledger_no=1)
    ]
    late, other = received(claim("u1", 1)), received(claim("u2", 2))
    await streams().on_identify([late, other], tx)
    assert tx.suppressed == [late]
    assert set(await verdicts(tx)) == {"claim_2"}


async def test_an_erasure_deletes_the_verdicts_and_repeats_its_receipt(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    await streams().on_identify([received(claim("u1", 1)), received(claim("u2", 2))], tx)
    order = EraseRecords(
        space=SPACE,
        erasure="erasure_1",
        records=("contact_1",),
        ids=("contact_1",),
        ledger_no=1,
    )
    await on_erasure([received(order), received(order)], tx)
    first, second = tx.emitted[-2:]
    assert isinstance(first, SliceErased)
    assert isinstance(second, SliceErased)
    assert (first.counts, first.left) == (second.counts, second.left) == ({"verdicts": 1}, 0)
    assert set(await verdicts(tx)) == {"claim_2"}
