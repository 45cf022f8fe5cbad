"""Claims in, verdicts out; and what an erasure says."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from contact_schema.erasure import (
    EraseRecords,
    ErasureAdvanced,
    Expiry,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from contact_schema.interactions import IdentityClaimed
from contact_schema.settings import AgentSettings
from identity_verify import domain, store
from identity_verify.domain import Proven
from identity_verify.sealing import Sealer
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
        agents = {received.body.agent for received in batch}
        secrets = await store.list_live_secrets(tx, self.sealer, agents, now)
        verdicts = []
        for received in batch:
            claim: IdentityClaimed = received.body
            if (claim.space, claim.record) in fenced:
                tx.suppress(received)
                continue
            verdict = domain.decide(claim, secrets[claim.agent], self._blocked(claim.agent))
            outcome = verdict.proof if isinstance(verdict, Proven) else verdict.code
            verdicts.append((claim.space, claim.claim, claim.record, outcome))
            tx.emit(domain.verdict_message(claim, verdict, now), cause=received)
        if verdicts:
            await store.insert_verdicts(tx, verdicts, now)

    def _blocked(self, agent: str) -> tuple[str, ...]:
        settings = self.agents.get(agent)
        return settings.policies.blocked_values if settings else ()


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
    counts = {"verdicts": await store.erase_verdicts(tx, space, records)}
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
