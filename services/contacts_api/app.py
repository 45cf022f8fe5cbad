"""Wiring: settings, streams, routes, background work. Run by ``python -m contacts_api.app``."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from contact_schema import changes, erasure, interactions
from contacts_api import erasing, handlers
from contacts_api.actions.workspaces import publish_again
from contacts_api.dashboard.routes import build_router
from contacts_api.probing import probing
from contacts_api.routes import ROUTERS
from contacts_api.settings import ContactsApiSettings
from contacts_api.state import State
from contacts_api.store import commands as command_rows
from contacts_api.watching import watching
from service_kit.service import Runtime, Service, Stream, run

TIDY_SECONDS: Final = 300
PUBLISH_SECONDS: Final = 3600


async def tidy(runtime: Runtime) -> None:
    """Drop answers and commands of more than a day ago."""
    while True:
        async with runtime.transaction() as tx:
            await command_rows.delete_old_answers(tx)
            await command_rows.delete_old_commands(tx)
        await asyncio.sleep(TIDY_SECONDS)


def publishing(state: State) -> Callable[[Runtime], Awaitable[None]]:
    """The background task that publishes settings again, when the service starts and then."""

    async def publish(_: Runtime) -> None:
        while True:
            await publish_again(state)
            await asyncio.sleep(PUBLISH_SECONDS)

    return publish


def build(settings: ContactsApiSettings) -> Service:
    state = State(settings)
    settled = state.settlements.settled
    return Service(
        name="contacts_api",
        settings=settings,
        streams=(
            Stream(
                "contacts.changes.v1",
                partial(handlers.on_changes, settled=settled),
                (
                    changes.ContactCreated,
                    changes.ContactChanged,
                    changes.ContactsMerged,
                    changes.ContactSplit,
                    changes.ContactsHeld,
                    changes.ContactsReleased,
                    changes.ContactErased,
                    changes.CommandSettled,
                ),
                # Somebody waits for most of these: a write is answered once it is here.
            ),
            Stream(
                "contacts.interactions.v1",
                handlers.on_interactions,
                (interactions.InteractionAccepted,),
            ),
            Stream("contacts.identity.v1", handlers.on_identity, (interactions.IdentityVerified,)),
            Stream(
                "contacts.crm.v1",
                handlers.on_crm,
                (changes.CrmStateChanged, changes.CrmConnectionChanged),
            ),
            Stream(
                "contacts.erasure.v1",
                erasing.on_erasure,
                (
                    erasure.ErasureRequested,
                    erasure.ErasureScoped,
                    erasure.FenceRecords,
                    erasure.SliceFenced,
                    erasure.EraseRecords,
                    erasure.SliceErased,
                    erasure.ErasureAdvanced,
                ),
            ),
        ),
        routers=(*ROUTERS, build_router(state.secret_key("dashboard"), settings.dashboard_url)),
        tasks=(state.attached(), tidy, publishing(state), watching(state), probing(state)),
        state=state,
    )


def main() -> None:
    run(build(ContactsApiSettings()))


if __name__ == "__main__":
    main()
