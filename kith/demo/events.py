"""Events as the shop's widget and its channel adapters report them."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Event = dict[str, Any]


@dataclass
class Names:
    """Ids of one day: unlike those of any other day, and the same each time this day is told."""

    day: str
    count: int = 0

    def next(self, word: str) -> str:
        self.count += 1
        return f"{word}-{self.day}-{self.count}"


@dataclass
class Visit:
    """One browser session, and the conversation in it."""

    names: Names
    session: str = field(init=False)
    browser: str = field(init=False)
    conversation: str = field(init=False)

    def __post_init__(self) -> None:
        self.session = self.names.next("session")
        self.browser = self.names.next("browser")
        self.conversation = self.names.next("chat")

    def event(self, at: datetime, type_: str, **parts: Any) -> Event:
        return {
            "event_id": self.names.next("event"),
            "type": type_,
            "occurred_at": at.isoformat(),
            "channel": "widget",
            "session_id": self.session,
            "browser_id": self.browser,
            **parts,
        }

    def looks_at(self, at: datetime, path: str) -> Event:
        page = {"url": f"https://shop.example.com{path}", "title": path.strip("/") or "Home"}
        return self.event(at, "page_viewed", page=page)

    def writes(self, at: datetime, text: str, author: str = "visitor") -> Event:
        return self.event(
            at,
            "message",
            conversation_id=self.conversation,
            message_id=self.names.next("message"),
            direction="inbound" if author == "visitor" else "outbound",
            author=author,
            text=text,
        )

    def leaves(self, at: datetime, intent: str, **lead: str) -> Event:
        return self.event(
            at,
            "lead_captured",
            conversation_id=self.conversation,
            lead=lead,
            intent=intent,
            form="ask-us",
        )

    def signs_in(self, at: datetime, user: str, proof: str, **metadata: str) -> Event:
        return self.event(
            at,
            "identify",
            conversation_id=self.conversation,
            user_id=user,
            user_hash=proof,
            user_metadata=metadata,
        )


@dataclass
class Thread:
    """A conversation on somebody else's channel; the adapter has checked who wrote."""

    names: Names
    channel: str
    address: str
    name: str
    conversation: str = field(init=False)

    def __post_init__(self) -> None:
        self.conversation = self.names.next(self.channel)

    def receives(self, at: datetime, text: str) -> Event:
        sender: dict[str, str] = {"address": self.address, "name": self.name}
        if self.channel == "email":
            sender["dmarc"] = "pass"
        return self._event(
            at,
            "message",
            message_id=self.names.next("message"),
            direction="inbound",
            text=text,
            sender=sender,
        )

    def answers(self, at: datetime, text: str, author: str = "ai") -> Event:
        return self._event(
            at,
            "message",
            message_id=self.names.next("message"),
            direction="outbound",
            author=author,
            text=text,
        )

    def tells(self, at: datetime, **lead: str) -> Event:
        """What the channel's own profile says, like the address in somebody's Slack account."""
        return self._event(at, "lead_captured", lead=lead, skill="profile")

    def closes(self, at: datetime) -> Event:
        return self._event(at, "conversation_closed", reason="solved")

    def _event(self, at: datetime, type_: str, **parts: Any) -> Event:
        return {
            "event_id": self.names.next("event"),
            "type": type_,
            "occurred_at": at.isoformat(),
            "channel": self.channel,
            "conversation_id": self.conversation,
            **parts,
        }


def user_hash(secret: str, user: str) -> str:
    """What the shop's server hands to the page of somebody it has signed in."""
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()
