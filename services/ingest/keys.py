"""Who may come in: the keys of all agents by digest, as the settings topic has them now."""

from dataclasses import dataclass
from typing import Literal

from contact_schema.settings import AgentSettings, KeySettings, Limits, key_digest
from ingest.domain import Rights
from service_kit.replica import Replica


@dataclass(frozen=True, slots=True)
class Found:
    """A living key and its agent."""

    agent: AgentSettings
    key: KeySettings

    @property
    def rights(self) -> Rights:
        if self.key.kind == "widget":
            return Rights(of_browser=True)
        return Rights("channels:prove" in self.key.scopes, "contacts:write" in self.key.scopes)

    def limits(self, multiplier: float) -> tuple[Limits, float]:
        """The limits that hold for this key, and the factor on them: own ones stand as they are."""
        return (self.key.limits, 1) if self.key.limits else (self.agent.limits, multiplier)


class Keys:
    """An index of the settings by key digest, made anew when they changed."""

    def __init__(self, settings: Replica[AgentSettings]) -> None:
        self._settings = settings
        self._version: int | None = None
        self._by_digest: dict[tuple[str, str], Found] = {}

    def find(self, digest: str, kind: Literal["api", "widget"]) -> Found | None:
        # Digests of random keys are looked up: how long that takes tells nothing about a key.
        if self._version != self._settings.version:
            self._version = self._settings.version
            self._by_digest = {
                (key.kind, key.digest): Found(agent, key)
                for agent in self._settings.values()
                for key in agent.keys
            }
        return self._by_digest.get((kind, digest))

    def find_key(self, key: str, kind: Literal["api", "widget"]) -> Found | None:
        return self.find(key_digest(key), kind)
