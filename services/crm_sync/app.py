"""The composition of `crm_sync`: settings, streams, door and background tasks."""

from functools import partial

from contact_schema.changes import (
    ContactChanged,
    ContactCreated,
    ContactErased,
    ContactsMerged,
    ContactSplit,
)
from contact_schema.commands import ResyncContact
from contact_schema.erasure import EraseRecords, FenceRecords
from crm_sync import handlers
from crm_sync.eraser import run_eraser
from crm_sync.routes import router
from crm_sync.senders import run_senders
from crm_sync.settings import Settings
from service_kit.service import Service, Stream, run


def build(settings: Settings) -> Service:
    settling = settings.crm_sync_settling_seconds
    return Service(
        name="crm_sync",
        settings=settings,
        streams=(
            Stream(
                "contacts.changes.v1",
                partial(handlers.on_changes, settling=settling),
                (ContactCreated, ContactChanged, ContactsMerged, ContactSplit, ContactErased),
            ),
            Stream(
                "contacts.commands.v1",
                partial(handlers.on_commands, settling=settling),
                (ResyncContact,),
            ),
            Stream("contacts.erasure.v1", handlers.on_erasure, (FenceRecords, EraseRecords)),
        ),
        routers=(router,),
        tasks=(
            partial(run_senders, settings=settings),
            partial(run_eraser, settings=settings),
        ),
    )


def main() -> None:
    run(build(Settings()))


if __name__ == "__main__":
    main()
