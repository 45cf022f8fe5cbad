"""The wiring of the verifier."""

import asyncio
import warnings
from datetime import UTC, datetime
from typing import Final

from jwt.warnings import InsecureKeyLengthWarning

from contact_schema.commands import RevokeProof
from contact_schema.erasure import EraseRecords, ErasureAdvanced, FenceRecords
from contact_schema.interactions import IdentityClaimed
from contact_schema.settings import AgentSettings
from identity_verify import handlers, store
from identity_verify.domain import ATTEMPTS_KEPT
from identity_verify.routes import State, router
from identity_verify.sealing import Sealer
from identity_verify.settings import Settings
from service_kit.replica import Replica
from service_kit.service import Runtime, Service, Stream, run

PRUNE_EVERY_SECONDS: Final = 600
# A customer's short secret is no news with each of his tokens: hashes by it count too.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


async def prune(runtime: Runtime) -> None:
    """Forget failed attempts that no longer count."""
    while True:
        async with runtime.transaction() as tx:
            await store.prune_attempts(tx, datetime.now(UTC) - ATTEMPTS_KEPT)
        await asyncio.sleep(PRUNE_EVERY_SECONDS)


def make(settings: Settings) -> Service:
    sealer = Sealer(settings.secret.get_secret_value())
    agents = Replica(AgentSettings)
    streams = handlers.Streams(sealer, agents)
    return Service(
        name="identity_verify",
        settings=settings,
        streams=(
            Stream(IdentityClaimed.TOPIC, streams.on_identify, (IdentityClaimed,)),
            Stream(RevokeProof.TOPIC, streams.on_commands, (RevokeProof,)),
            Stream(
                FenceRecords.TOPIC,
                handlers.on_erasure,
                (FenceRecords, EraseRecords, ErasureAdvanced),
            ),
        ),
        routers=(router,),
        tasks=(prune,),
        replicas={"settings": agents},
        state=State(sealer, agents),
    )


def main() -> None:
    run(make(Settings()))


if __name__ == "__main__":
    main()
