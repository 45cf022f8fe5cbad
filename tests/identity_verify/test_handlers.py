"""Claims on a real database: verdicts, secrets that end, fences, receipts."""

from datetime import UTC, datetime, timedelta

from contact_schema.commands import Actor, RevokeProof
from contact_schema.erasure import EraseRecords, FenceRecords, SliceErased, SliceFenced
from contact_schema.interactions import IdentityRefused, IdentityVerified
from contact_schema.observations import Observation
from contact_schema.settings import AgentSettings
from identity_verify import store
from identity_verify.handlers import Streams, on_erasure
from identity_verify.sealing import Sealer
from service_kit.replica import Replica
from service_kit.testing import received
from service_kit.tx import Tx
from tests.conftest import TxOf
from tests.identity_verify.claims import AGENT, NOW, SPACE, agent, claim, sign, token

SEALER = Sealer("a deployment secret")


def streams() -> Streams:
    settings = Replica(AgentSettings)
    settings.put(AGENT, agent())
    return Streams(SEALER, settings)


async def keep(tx: Tx, secret: str, of_agent: str = AGENT) -> str:
    given = store.Given(secret)
    return await store.insert_secret(tx, SEALER, of_agent, f"id-of-{secret}", given, NOW)


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
    counts = {"verdicts": 1, "attempts": 0}
    assert (first.counts, first.left) == (second.counts, second.left) == (counts, 0)
    assert set(await verdicts(tx)) == {"claim_2"}


def revoke(*users: str, at: datetime = NOW) -> RevokeProof:
    return RevokeProof(
        space=SPACE,
        command=f"cmd_{at:%H%M%S}",
        actor=Actor(kind="user", id="user_1"),
        at=at,
        contact="contact_1",
        fact="fact_r",
        users=users,
    )


async def test_a_revocation_ends_what_was_signed_before_and_nothing_else(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    secret = "a secret of thirty-two characters"
    await keep(tx, secret)
    at = NOW + timedelta(minutes=1)
    await streams().on_commands([received(revoke("u1", at=at))], tx)
    await streams().on_commands([received(revoke("u1", at=NOW))], tx)  # an older one comes late
    later = Observation(fact="f", at=at, occurred_at=at)
    claims = [
        claim("u1", 1, user_hash=sign(secret, "u1")),
        claim("u2", 2, user_hash=sign(secret, "u2")),
        claim("u1", 3, token=token(secret)),
        claim("u1", 4, token=token(secret, iat=int(at.timestamp()) + 1), observation=later),
        claim("u1", 5, vouched=True),
        claim("u1", 6, user_hash=sign(secret, "u1"), space="space_b"),
    ]
    await streams().on_identify([received(one) for one in claims], tx)
    assert await verdicts(tx) == {
        "claim_1": "revoked",
        "claim_2": "proven",
        "claim_3": "revoked",
        "claim_4": "proven",
        "claim_5": "asserted",
        "claim_6": "proven",
    }
    kept = await tx.connection.fetchval("SELECT person FROM identity_verify.revocations")
    assert "u1" not in kept


async def test_a_deleted_secret_given_again_undoes_no_revocation(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    id_ = await keep(tx, "old")
    at = NOW + timedelta(minutes=1)
    await streams().on_commands([received(revoke("u1", at=at))], tx)
    assert await store.delete_secret(tx, AGENT, id_, at)
    for again, secret, expected in ((1, "old", "revoked"), (2, "new", "proven")):
        given = store.Given(secret)
        await store.insert_secret(tx, SEALER, AGENT, "id-again", given, at + timedelta(hours=1))
        signed = claim("u1", again, user_hash=sign(secret, "u1"))
        await streams().on_identify([received(signed)], tx)
        assert (await verdicts(tx))[f"claim_{again}"] == expected


async def test_whoever_guesses_is_not_listened_to_for_a_while(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    await keep(tx, "one")
    guesses = [claim("u1", number, user_hash=f"{number:064x}") for number in range(25)]
    right = claim("u1", 25, user_hash=sign("one", "u1"))
    elsewhere = claim("u1", 26, user_hash=sign("one", "u1"), unit="unit_2", record="contact_9")
    vouched = claim("u1", 27, vouched=True)
    for batch in (guesses[:10], guesses[10:], [right, elsewhere, vouched]):
        await streams().on_identify([received(one) for one in batch], tx)
    given = list((await verdicts(tx)).values())
    assert given[:25] == ["bad-signature"] * 20 + ["rate-limited"] * 5
    assert given[25:] == ["rate-limited", "proven", "asserted"]
    await tx.connection.execute(
        "UPDATE identity_verify.attempts SET since = since - interval '11 minutes'"
    )
    again = claim("u1", 28, user_hash=sign("one", "u1"))
    await streams().on_identify([received(again)], tx)
    assert (await verdicts(tx))["claim_28"] == "proven"
    await store.prune_attempts(tx, datetime.now(UTC) - timedelta(minutes=10))
    assert not await tx.connection.fetchval("SELECT count(*) FROM identity_verify.attempts")


async def test_an_erasure_forgets_the_attempts_of_its_records(tx_of: TxOf) -> None:
    tx = await tx_of("identity_verify")
    await keep(tx, "one")
    await streams().on_identify([received(claim("u1", 1, user_hash="0" * 64))], tx)
    order = EraseRecords(
        space=SPACE, erasure="e", records=("contact_1",), ids=("contact_1",), ledger_no=1
    )
    await on_erasure([received(order)], tx)
    [receipt] = [one for one in tx.emitted if isinstance(one, SliceErased)]
    assert (receipt.counts, receipt.left) == ({"verdicts": 1, "attempts": 1}, 0)
