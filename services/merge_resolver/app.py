"""The wiring of the resolver."""

from collections.abc import Callable

from contact_schema.commands import (
    EditContact,
    LinkRecords,
    ObserveRecord,
    RetractFacts,
    SeparateRecords,
)
from contact_schema.erasure import EraseRecords, ErasureAdvanced, ErasureRequested, FenceRecords
from contact_schema.interactions import IdentityRefused, IdentityVerified, InteractionAccepted
from contact_schema.settings import AgentSettings
from merge_resolver.domain.rules import Rules
from merge_resolver.erasing import Erasing
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from merge_resolver.routes import State, router
from merge_resolver.settings import Settings
from service_kit.replica import Replica
from service_kit.service import Service, Stream, run


def rules_from(agents: Replica[AgentSettings]) -> Callable[[str], Rules]:
    """The rules of a space: the policies of its first agent. Made again when settings change."""
    made: dict[str, Rules] = {}
    seen = -1

    def rules_of(space: str) -> Rules:
        nonlocal seen
        if seen != agents.version:
            made.clear()
            seen = agents.version
            for agent in sorted(agents.values(), key=lambda one: one.agent):
                made.setdefault(agent.space, _rules(agent))
        return made.setdefault(space, Rules())

    return rules_of


def _rules(agent: AgentSettings) -> Rules:
    policies = agent.policies
    return Rules(
        typed_email=policies.typed_email,
        unsigned_plan=policies.unsigned_plan,
        blocked_values=policies.blocked_values,
        audiences=policies.audiences,
        plan_audiences=policies.plan_audiences,
    )


def make(settings: Settings) -> Service:
    agents = Replica(AgentSettings)
    known = KnownRecords(settings.known_records)
    rules_of = rules_from(agents)
    streams = Streams(settings.secret.get_secret_value(), rules_of, known)
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
                (ObserveRecord, EditContact, LinkRecords, SeparateRecords, RetractFacts),
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
        state=State(rules_of),
    )


def main() -> None:
    run(make(Settings()))


if __name__ == "__main__":
    main()
