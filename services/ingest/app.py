"""The wiring of the doors."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from contact_schema.adapter_events import AdapterEvent
from contact_schema.erasure import EraseRecords, ErasureAdvanced, FenceRecords
from contact_schema.interactions import IdentityRefused
from contact_schema.settings import AgentSettings
from ingest import handlers, store
from ingest.accepting import Acceptor
from ingest.doors import Doors
from ingest.keys import Keys
from ingest.once import ANSWERS_KEPT
from ingest.routes import adapters, browsers
from ingest.settings import Settings
from service_kit.replica import Replica
from service_kit.service import Runtime, Service, Stream, run

# Longer than any topic lives: a replay of a topic meets the ids of all that is in it.
EVENTS_KEPT: Final = timedelta(days=8)
PRUNE_EVERY_SECONDS: Final = 600
PRUNE_ROWS: Final = 5_000


async def prune(runtime: Runtime) -> None:
    """Forget what nobody can send again, and who was last seen before that."""
    ages = (
        (store.prune_events, EVENTS_KEPT),
        (store.prune_claims, EVENTS_KEPT),
        (store.prune_conversations, EVENTS_KEPT),
        (store.prune_answers, ANSWERS_KEPT),
    )
    while True:
        for portion, age in ages:
            before, pruned = datetime.now(UTC) - age, PRUNE_ROWS
            while pruned == PRUNE_ROWS:
                async with runtime.transaction() as tx:
                    pruned = await portion(tx, before, PRUNE_ROWS)
        await asyncio.sleep(PRUNE_EVERY_SECONDS)


def make(settings: Settings) -> Service:
    secret = settings.secret.get_secret_value()
    agents = Replica(AgentSettings)
    keys = Keys(agents)
    acceptor = Acceptor()
    streams = handlers.Streams(keys, secret, agents)
    return Service(
        name="ingest",
        settings=settings,
        streams=(
            Stream(
                AdapterEvent.TOPIC,
                streams.on_adapter_events,
                (AdapterEvent,),
                # Others write it: their sequences may begin again at any time.
                trusted_sequences=False,
            ),
            Stream(IdentityRefused.TOPIC, streams.on_identity, (IdentityRefused,)),
            Stream(
                FenceRecords.TOPIC,
                handlers.on_erasure,
                (FenceRecords, EraseRecords, ErasureAdvanced),
            ),
        ),
        routers=(adapters, browsers),
        replicas={"settings": agents},
        tasks=(acceptor.run, prune),
        state=Doors(keys, acceptor, secret, settings.limits_multiplier),
    )


def main() -> None:
    run(make(Settings()))


if __name__ == "__main__":
    main()
