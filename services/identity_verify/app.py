"""The wiring of the verifier."""

from contact_schema.erasure import EraseRecords, ErasureAdvanced, FenceRecords
from contact_schema.interactions import IdentityClaimed
from contact_schema.settings import AgentSettings
from identity_verify import handlers
from identity_verify.routes import State, router
from identity_verify.sealing import Sealer
from identity_verify.settings import Settings
from service_kit.replica import Replica
from service_kit.service import Service, Stream, run


def make(settings: Settings) -> Service:
    sealer = Sealer(settings.secret.get_secret_value())
    agents = Replica(AgentSettings)
    return Service(
        name="identity_verify",
        settings=settings,
        streams=(
            Stream(
                IdentityClaimed.TOPIC,
                handlers.Streams(sealer, agents).on_identify,
                (IdentityClaimed,),
            ),
            Stream(
                FenceRecords.TOPIC,
                handlers.on_erasure,
                (FenceRecords, EraseRecords, ErasureAdvanced),
            ),
        ),
        routers=(router,),
        replicas={"settings": agents},
        state=State(sealer, agents),
    )


def main() -> None:
    run(make(Settings()))


if __name__ == "__main__":
    main()
