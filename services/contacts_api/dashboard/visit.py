"""One request of a signed-in person: who he is, at which agent, with what he sent, and how to
answer him.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from contacts_api.dashboard.assets import Assets
from contacts_api.dashboard.rendering import Pages
from contacts_api.dashboard.security import Csrf
from contacts_api.domain.principal import Agent, Principal, Role, User, principal_at

ONCE_KEYS: Final = 10_000
ROLE_WORDS: Final[Mapping[Role, str]] = {
    "viewer": "Viewer", "agent": "Agent", "admin": "Administrator",
}  # fmt: skip
NOTICES: Final = {
    "created": ("good", "The contact was created."),
    "exists": ("good", "This contact existed already; it was updated."),
    "saved": ("good", "Saved."),
    "unchanged": ("good", "Nothing had to be changed."),
    "pending": ("warn", "Accepted, not visible yet. Reload in a moment."),
    "merged": ("good", "Merged. Old links keep working."),
    "undone": ("good", "The merge was undone: both contacts are back."),
    "moved": ("good", "The contact that you opened is part of this one now."),
    "redriven": ("good", "Sent again, to the service that had given it up."),
    "redriven-before": ("good", "This was sent again before; nothing was done now."),
    "not-redriven": ("warn", "Not sent again: its service does not answer, or it is empty."),
    "outranked": ("warn", "Saved, but a stronger source speaks for a field: yours does not show."),
}  # fmt: skip


@dataclass(frozen=True)
class Can:
    edit: bool
    erase: bool


@dataclass(frozen=True)
class Desk:
    """What all pages of this process share."""

    pages: Pages
    assets: Assets
    csrf: Csrf
    public_url: str = ""
    """Where people reach the dashboard; over https its cookies are kept to that."""
    used: dict[str, None] = field(default_factory=dict)
    """Once-keys of the forms that came last, oldest first."""

    def first_time(self, once: str) -> bool:
        """Whether no form with this key came before: a double click adds one note, not two."""
        if not once:
            return True
        if once in self.used:
            return False
        self.used[once] = None
        if len(self.used) > ONCE_KEYS:
            del self.used[next(iter(self.used))]
        return True

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https:")

    @property
    def cookie(self) -> str:
        return "__Host-kith" if self.secure else "kith"


@dataclass(frozen=True)
class Visit:
    desk: Desk
    request: Request
    now: datetime
    state: Any
    token: str = field(repr=False)
    """What the cookie holds; forms are bound to it."""
    user: User | None = None
    agents: tuple[Agent, ...] = ()
    agent: Agent | None = None
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def principal(self) -> Principal:
        assert self.user is not None
        assert self.agent is not None
        return principal_at(self.user, self.agent)

    @property
    def contact_id(self) -> str:
        return str(self.request.path_params["contact"])

    @property
    def base(self) -> str:
        return f"/a/{self.agent.id}" if self.agent else ""

    @property
    def here(self) -> str:
        return f"{self.base}/contacts/{self.contact_id}"

    @property
    def by_htmx(self) -> bool:
        """A part is asked for. A page that comes back by the history is asked for whole."""
        headers = self.request.headers
        return "hx-request" in headers and "hx-history-restore-request" not in headers

    @property
    def target(self) -> str:
        return self.request.headers.get("hx-target", "") if self.by_htmx else ""

    @property
    def once(self) -> str:
        return self.form.get("once", "")

    @property
    def can(self) -> Can:
        scopes = self.principal.scopes if self.user and self.agent else frozenset()
        return Can(edit="contacts:write" in scopes, erase="contacts:erase" in scopes)

    def notice(self) -> dict[str, str] | None:
        known = NOTICES.get(self.request.query_params.get("notice", ""))
        return {"kind": known[0], "text": known[1]} if known else None

    def show(
        self, template: str, *, block: str | None = None, status: int = HTTPStatus.OK, **shown: Any
    ) -> HTMLResponse:
        """The page, or with ``block`` the part of it that htmx swaps in."""
        frame = {
            "who": {"name": self.user.login} if self.user else None,
            "role": self.user.role if self.user else None,
            "role_words": ROLE_WORDS,
            "agents": self.agents,
            "agent": self.agent,
            "base": self.base,
            "section": "contacts",
            "can": self.can,
            "csrf": partial(self.desk.csrf.token, self.token),
            "once": partial(secrets.token_urlsafe, 16),
        }
        html = self.desk.pages.render(template, self.now, block, **{**frame, **shown})
        return HTMLResponse(html, status)


def see_other(path: str, notice: str | None = None) -> RedirectResponse:
    where = f"{path}{'&' if '?' in path else '?'}notice={notice}" if notice else path
    return RedirectResponse(where, HTTPStatus.SEE_OTHER)


def moved(path: str) -> Response:
    return RedirectResponse(path, HTTPStatus.TEMPORARY_REDIRECT)
