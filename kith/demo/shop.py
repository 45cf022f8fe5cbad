"""What a shop has in its hands: the keys of its agent, and the doors they open."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

import httpx

from kith.demo.day import Delivery
from kith.demo.events import Event, user_hash

T = TypeVar("T")
PATIENCE_SECONDS = 45.0


class DemoFailed(RuntimeError):
    """Something that should have become visible did not."""


def eventually(look: Callable[[], T | None], what: str, patience: float = PATIENCE_SECONDS) -> T:
    """The first answer that is neither None nor False. Raises DemoFailed."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.1)
    raise DemoFailed(f"Not seen within {patience:.0f} s: {what}.")


@dataclass
class Told:
    """What the door of the adapters answered. The widget's door tells browsers nothing."""

    accepted: int = 0
    duplicates: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, answer: Mapping[str, Any]) -> None:
        with self._lock:
            self.accepted += answer.get("accepted", 0)
            self.duplicates += answer.get("duplicates", 0)


@dataclass(frozen=True)
class Shop:
    """The clients a shop has: its back end with an API key, and its visitors' browsers."""

    env: Mapping[str, str]
    api: httpx.Client
    ingest: httpx.Client

    def send(self, delivery: Delivery) -> dict[str, Any]:
        if delivery.door == "widget":
            self.browser(*delivery.events)
            return {}
        return self.adapter(*delivery.events)

    def browser(self, *events: Event) -> None:
        """As the widget sends it: no key but the public one, and the page's origin."""
        key, origin = self.env["KITH_DEMO_WIDGET_KEY"], self.env["KITH_DEMO_ORIGIN"]
        path = f"/v1/widget/{key}/events"
        self.ingest.post(path, json=events, headers={"Origin": origin}).raise_for_status()

    def adapter(self, *events: Event) -> dict[str, Any]:
        key = self.env["KITH_DEMO_API_KEY"]
        headers = {"Authorization": f"Bearer {key}"}
        answer = self.ingest.post("/v1/events", json=events, headers=headers)
        return dict(answer.raise_for_status().json())

    def find(self, **filters: str) -> list[dict[str, Any]]:
        """All contacts these filters find, page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.api.get("/v1/contacts", params={**filters, "limit": "200", **cursor})
            page = answer.raise_for_status().json()
            found += page["data"]
            if not page["next_cursor"]:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def find_one(self, **filters: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.find(**filters)
            return found[0] if found else None

        return eventually(look, f"a contact with this {', '.join(filters)}")

    def sign(self, user: str) -> str:
        return user_hash(self.env["KITH_DEMO_IDENTITY_SECRET"], user)
