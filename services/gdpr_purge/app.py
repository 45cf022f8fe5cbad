"""The composition of `gdpr_purge`: settings, its stream, its door and its clock."""

from functools import partial

from contact_schema.erasure import (
    EraseRecords,
    ErasureRequested,
    ErasureScoped,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from gdpr_purge import handlers
from gdpr_purge.clock import run_clock
from gdpr_purge.routes import router
from gdpr_purge.settings import Settings
from service_kit.service import Service, Stream, run


def build(settings: Settings) -> Service:
    return Service(
        name="gdpr_purge",
        settings=settings,
        streams=(
            Stream(
                "contacts.erasure.v1",
                partial(handlers.on_erasure, time_scale=settings.time_scale),
                (
                    ErasureRequested,
                    ErasureScoped,
                    FenceRecords,
                    SliceFenced,
                    EraseRecords,
                    SliceErased,
                ),
            ),
        ),
        routers=(router,),
        tasks=(partial(run_clock, settings=settings),),
    )


def main() -> None:
    run(build(Settings()))


if __name__ == "__main__":
    main()
