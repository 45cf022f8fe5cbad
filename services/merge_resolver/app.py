"""The wiring of the resolver."""

from contact_schema.commands import (
    BlockIdentifier,
    ChangePolicy,
    EditContact,
    LinkRecords,
    ObserveRecord,
    ReleaseIdentifier,
    RetractFacts,
    RevokeProof,
    SeparateRecords,
)
from contact_schema.erasure import EraseRecords, ErasureAdvanced, ErasureRequested, FenceRecords
from contact_schema.interactions import IdentityRefused, IdentityVerified, InteractionAccepted
from contact_schema.settings import AgentSettings
from merge_resolver.erasing import Erasing
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from merge_resolver.routes import State, router
from merge_resolver.rulebook import Rulebook, rules_from
from merge_resolver.settings import Settings
from merge_resolver.sweeping import sweeping
from service_kit.replica import Replica
from service_kit.service import Service, Stream, run

COMMANDS = (
    ObserveRecord,
    EditContact,
    LinkRecords,
    SeparateRecords,
    RetractFacts,
    BlockIdentifier,
    ReleaseIdentifier,
    RevokeProof,
    ChangePolicy,
)


def make(settings: Settings) -> Service:
    agents = Replica(AgentSettings)
    known = KnownRecords(settings.known_records)
    streams = Streams(settings.secret.get_secret_value(), rules_from(agents), known)
    erasing = Erasing(streams)
    return Service(
        name="merge_resolver",
        settings=settings,
        streams=(
            Stream(
                InteractionAccepted.TOPIC,
                streams.on_interactions,
                (InteractionAccepted,),
                forget=known.forget,
            ),
            Stream(
                IdentityVerified.TOPIC,
                streams.on_identity,
                (IdentityVerified, IdentityRefused),
                forget=known.forget,
            ),
            Stream(
                ObserveRecord.TOPIC,
                streams.on_commands,
                COMMANDS,
                forget=known.forget,
            ),
            Stream(
                FenceRecords.TOPIC,
                erasing.on_erasure,
                (ErasureRequested, FenceRecords, EraseRecords, ErasureAdvanced),
                forget=known.forget,
            ),
        ),
        routers=(router,),
        replicas={"settings": agents},
        tasks=(sweeping(streams),),
        state=State(Rulebook(rules_from(agents)), agents, streams),
    )


def main() -> None:
    run(make(Settings()))


if __name__ == "__main__":
    main()
