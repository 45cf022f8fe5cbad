"""The HTTP door: reads requests, calls an action, writes its answer."""

from contacts_api.routes import (
    about_contact,
    contacts,
    internal,
    merges,
    neighbours,
    operations,
    workspaces,
)

ROUTERS = (
    contacts.router,
    about_contact.router,
    merges.router,
    workspaces.router,
    neighbours.router,
    operations.router,
    internal.router,
)
