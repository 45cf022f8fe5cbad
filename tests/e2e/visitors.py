"""What people and back ends do at Kith's doors, as the stories tell it."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.05


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is neither None nor False; past the patience: never seen ``what``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(LOOK_AGAIN_SECONDS)
    raise AssertionError(f"never seen: {what}")


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:12]}"


def unique_phone() -> str:
    """A mobile number that no other story uses."""
    return f"+49151{uuid.uuid4().int % 70_000_000 + 10_000_000}"


@dataclass(frozen=True)
class Doors:
    """Clients of the doors, as an adapter, a browser and a back end hold them."""

    api: httpx.Client
    ingest: httpx.Client
    widget_path: str
    identity_secret: str

    @classmethod
    @contextmanager
    def open(cls, env: Mapping[str, str]) -> Iterator["Doors"]:
        authorized = {"Authorization": f"Bearer {env['KITH_DEMO_API_KEY']}"}
        with (
            httpx.Client(base_url=env["KITH_API_URL"], headers=authorized, timeout=10) as api,
            httpx.Client(base_url=env["KITH_INGEST_URL"], headers=authorized, timeout=10) as ingest,
        ):
            path = f"/v1/widget/{env['KITH_DEMO_WIDGET_KEY']}/events"
            yield cls(api, ingest, path, env["KITH_DEMO_IDENTITY_SECRET"])

    def send(self, *events: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.ingest.post("/v1/events", json=[dict(event) for event in events])
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return dict(answer.json())

    def accept(self, *events: Mapping[str, Any]) -> None:
        assert self.send(*events) == {"accepted": len(events), "duplicates": 0, "rejected": []}

    def sign(self, user: str) -> str:
        return hmac.new(self.identity_secret.encode(), user.encode(), hashlib.sha256).hexdigest()

    def find(self, **filters: Any) -> list[dict[str, Any]]:
        answer = self.api.get("/v1/contacts", params=filters)
        assert answer.status_code == httpx.codes.OK, answer.text
        return list(answer.json()["data"])

    def find_one(self, **filters: Any) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.find(**filters)
            return found[0] if len(found) == 1 else None

        return eventually(look, f"one contact for {sorted(filters)}")

    def contact(self, contact: str) -> httpx.Response:
        return self.api.get(f"/v1/contacts/{contact}")

    def create(self, **body: Any) -> dict[str, Any]:
        answer = self.api.post("/v1/contacts", json=body)
        assert answer.status_code in {httpx.codes.OK, httpx.codes.CREATED}, answer.text
        return dict(answer.json())


@dataclass(frozen=True)
class Visitor:
    """One browser session and the conversation in it."""

    session: str
    browser: str
    conversation: str

    @classmethod
    def arrives(cls) -> "Visitor":
        return cls(unique("s"), unique("b"), unique("c"))

    def event(self, type_: str, **parts: Any) -> dict[str, Any]:
        return {
            "event_id": unique("e"),
            "type": type_,
            "occurred_at": datetime.now(UTC).isoformat(),
            "channel": "widget",
            "session_id": self.session,
            "browser_id": self.browser,
            **parts,
        }

    def looks(self, url: str = "https://shop.example.com/") -> dict[str, Any]:
        return self.event("page_viewed", page={"url": url, "title": "Shop"})

    def says(self, text: str, **parts: Any) -> dict[str, Any]:
        return self.event(
            "message",
            conversation_id=self.conversation,
            message_id=unique("m"),
            direction="inbound",
            text=text,
            **parts,
        )

    def leaves_details(self, **lead: Any) -> dict[str, Any]:
        return self.event(
            "lead_captured", conversation_id=self.conversation, lead=lead, form="contact"
        )

    def identifies(self, user: str, user_hash: str, **metadata: Any) -> dict[str, Any]:
        return self.event("identify", user_id=user, user_hash=user_hash, user_metadata=metadata)

    def logs_out(self) -> dict[str, Any]:
        return self.event("logged_out")


def from_channel(channel: str, address: str, text: str, **parts: Any) -> dict[str, Any]:
    """A message as a channel adapter reports it."""
    sender = {"address": address, **parts.pop("sender", {})}
    return {
        "event_id": unique("e"),
        "type": "message",
        "occurred_at": datetime.now(UTC).isoformat(),
        "channel": channel,
        "conversation_id": parts.pop("conversation", unique(channel)),
        "message_id": unique("m"),
        "direction": "inbound",
        "text": text,
        "sender": sender,
        **parts,
    }


def in_the_past(event: dict[str, Any], **ago: float) -> dict[str, Any]:
    return {**event, "occurred_at": (datetime.now(UTC) - timedelta(**ago)).isoformat()}
