"""Claims in, verdicts out; and what an erasure says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from contact_schema.commands import RevokeProof
from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    Expiry,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contact_schema.interactions import IdentityClaimed
from contact_schema.records import fact_id, opaque_id, space_key
from contact_schema.settings import AgentSettings
from identity_verify import domain, store
from identity_verify.domain import (
    ATTEMPTS_KEPT,
    FAILED_ATTEMPTS,
    FAILURES,
    Proven,
    Refused,
    Verdict,
)
from identity_verify.sealing import Sealer
from identity_verify.verifying import judge
from service_kit import metrics
from service_kit.replica import Replica
from service_kit.tx import Batch, Tx

OUTBOX_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True)
class Streams:
    """The handlers of the streams, with what they need beside a transaction."""

    sealer: Sealer
    agents: Replica[AgentSettings]

    async def on_identify(self, batch: Batch, tx: Tx) -> None:
        """A verdict on every claim. Secrets are read for each batch: one that was deleted or ended
        proves nothing from that moment on.
        """
        now = datetime.now(UTC)
        await store.lock_spaces(tx, {received.space for received in batch})
        records = {(received.space, received.body.record) for received in batch}
        fenced = await store.find_fenced(tx, records)
        claims = []
        for received in batch:
            if (received.space, received.body.record) in fenced:
                tx.suppress(received)
            else:
                claims.append(received)
        if not claims:
            return
        verdicts = await self._judge([received.body for received in claims], tx, now)
        rows = []
        for received, verdict in zip(claims, verdicts, strict=True):
            claim: IdentityClaimed = received.body
            agent, fact = self.agents.get(claim.agent), self._fact(claim)
            tx.emit(*domain.messages_of(claim, verdict, now, agent, fact), cause=received)
            outcome = verdict.proof if isinstance(verdict, Proven) else verdict.code
            rows.append((claim.space, claim.claim, claim.record, outcome))
        await store.insert_verdicts(tx, rows, now)
        tx.after_commit(partial(_count, verdicts))

    async def _judge(
        self, claims: Sequence[IdentityClaimed], tx: Tx, now: datetime
    ) -> list[Verdict]:
        secrets = await store.list_live_secrets(tx, self.sealer, {c.agent for c in claims}, now)
        revoked = await store.find_revocations(tx, {self._person(c.space, c.user) for c in claims})
        signed = {(c.space, c.unit) for c in claims if c.user_hash is not None or c.token}
        since = now - ATTEMPTS_KEPT
        failed = await store.find_attempts(tx, signed, since)
        new: Counter[tuple[str, str, str]] = Counter()
        verdicts: list[Verdict] = []
        for claim in claims:
            blocked = blocked_values(self.agents, claim.agent)
            verdict: Verdict
            if claim.vouched and not domain.names_nobody(claim.user, blocked):
                verdict = Proven("asserted", "server")
            elif failed[claim.space, claim.unit] >= FAILED_ATTEMPTS:
                verdict = Refused("rate-limited")
            else:
                person = self._person(claim.space, claim.user)
                shown = domain.shown_by(claim)
                verdict = judge(shown, secrets[claim.agent], blocked, revoked.get(person))
            if isinstance(verdict, Refused) and verdict.code in FAILURES:
                failed[claim.space, claim.unit] += 1
                new[claim.space, claim.unit, claim.record] += 1
            verdicts.append(verdict)
        await store.upsert_attempts(tx, new, now, since)
        return verdicts

    async def on_commands(self, batch: Batch, tx: Tx) -> None:
        """From now on whatever was signed for these user ids by then proves nothing."""
        await store.lock_spaces(tx, {received.space for received in batch})
        rows = [
            (*self._person(received.space, user), received.body.at)
            for received in batch
            if isinstance(received.body, RevokeProof)
            for user in received.body.users
        ]
        await store.upsert_revocations(tx, rows)

    def _person(self, space: str, user: str) -> tuple[str, str]:
        return space, person_of(self.sealer.deployment_secret, space, user)

    def _fact(self, claim: IdentityClaimed) -> str:
        key = space_key(self.sealer.deployment_secret, claim.space)
        return fact_id(key, "token", claim.agent, claim.claim)


def person_of(secret: str, space: str, user: str) -> str:
    """A keyed hash by which a user id is found again, and which nobody else can compute."""
    return opaque_id(space_key(secret, space), "person", user)


def blocked_values(agents: Replica[AgentSettings], agent: str) -> tuple[str, ...]:
    settings = agents.get(agent)
    return settings.policies.blocked_values if settings else ()


def _count(verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        if isinstance(verdict, Proven):
            metrics.count("identity.verified", method=verdict.method)
        else:
            metrics.count("identity.verification_failed", slug=verdict.code)


async def on_erasure(batch: Batch, tx: Tx) -> None:
    """Put up fences, lift them, and delete the verdicts on erased records."""
    await store.lock_spaces(tx, {received.space for received in batch})
    for received in batch:
        match received.body:
            case FenceRecords() as order:
                await store.insert_fences(tx, order.space, order.records, order.erasure)
                tx.emit(_fenced(order), cause=received)
            case EraseRecords() as order:
                tx.emit(await _erase(tx, order), cause=received)
            case ErasureAdvanced(state="restored") as advanced:
                await store.lift_fences(tx, advanced.space, advanced.erasure)


def _fenced(order: FenceRecords) -> SliceFenced:
    return SliceFenced(
        space=order.space,
        erasure=order.erasure,
        slice="identity_verify",
        ledger_no=order.ledger_no,
    )


async def _erase(tx: Tx, order: EraseRecords) -> SliceErased:
    space, records = order.space, order.records
    counts = {
        "verdicts": await store.erase_verdicts(tx, space, records),
        "attempts": await store.erase_attempts(tx, space, records),
    }
    now = datetime.now(UTC)
    return SliceErased(
        space=space,
        erasure=order.erasure,
        slice="identity_verify",
        ledger_no=order.ledger_no,
        counts=await store.upsert_receipt(tx, space, order.erasure, counts),
        expires=(Expiry(store="outbox", by=now + OUTBOX_KEPT),),
        left=await store.count_rows_of_records(tx, space, records),
        at=now,
    )
