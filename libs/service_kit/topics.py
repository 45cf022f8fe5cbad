"""deploy/topics.yaml: what topics there are, who writes and reads each message; making them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from aiokafka.partitioner import murmur2

TOPIC_ALREADY_EXISTS = 36


class TopicsDiffer(Exception):
    """A topic of the broker is not as deploy/topics.yaml has it."""


@dataclass(frozen=True)
class MessageRoute:
    writers: tuple[str, ...]
    readers: tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    config: Mapping[str, str]
    messages: Mapping[str, MessageRoute]

    @property
    def compacted(self) -> bool:
        return self.config.get("cleanup.policy") == "compact"

    @property
    def readers(self) -> tuple[str, ...]:
        return tuple(sorted({r for route in self.messages.values() for r in route.readers}))

    def partition_of(self, key: bytes) -> int:
        """The partition that Kafka's own default partitioner would choose."""
        return _hash(key) % self.partitions


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


class Topics:
    """All topics by name, the dead-letter topics of their readers among them."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._topics = {topic.name: topic for topic in topics}
        for topic in topics:
            for reader in () if topic.compacted else topic.readers:
                name = dead_letter_topic(topic.name, group_of(reader, topic.name))
                config = {**topic.config, "cleanup.policy": "delete"}
                self._topics[name] = Topic(name, 1, config, {})

    def __getitem__(self, name: str) -> Topic:
        try:
            return self._topics[name]
        except KeyError:
            raise TopicsDiffer(f"there is no topic {name} in deploy/topics.yaml") from None

    def __contains__(self, name: str) -> bool:
        return name in self._topics

    def all(self) -> Sequence[Topic]:
        return tuple(self._topics.values())


def group_of(service: str, topic: str) -> str:
    """Consumer group of a service for a topic: `merge-resolver.changes`."""
    return f"{service.replace('_', '-')}.{topic.split('.')[1]}"


def dead_letter_topic(topic: str, group: str) -> str:
    return f"{topic}.{group}.dlq"


def load(file: Path) -> Topics:
    """Read the file. Raises KeyError or TypeError where it is not as described at its head."""
    document: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    defaults = document["defaults"]
    topics = []
    for name, told in document["topics"].items():
        config = {**defaults["config"], **told.get("config", {})}
        messages = {
            message: MessageRoute(tuple(route["writers"]), tuple(route["readers"]))
            for message, route in told["messages"].items()
        }
        partitions = int(told.get("partitions", defaults["partitions"]))
        topics.append(Topic(name, partitions, {k: str(v) for k, v in config.items()}, messages))
    return Topics(topics)


async def provision(bootstrap: str, file: Path, replication_factor: int = 1) -> None:
    """Create what is missing, check what is there. Raises TopicsDiffer; changes no topic."""
    topics = load(file).all()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=15_000)
    await admin.start()
    try:
        wanted = [
            NewTopic(t.name, t.partitions, replication_factor, topic_configs=dict(t.config))
            for t in topics
        ]
        answer = await admin.create_topics(wanted)
        # The client raises nothing for a single topic: its code is the only sign.
        for name, code, *_ in answer.topic_errors:
            if code not in (0, TOPIC_ALREADY_EXISTS):
                raise TopicsDiffer(f"{name}: {for_code(code).__name__}")
        await await_partitions(admin, topics)
    finally:
        await admin.close()


async def await_partitions(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], *, growing: bool = False
) -> None:
    """Each topic has a leader for exactly the partitions it should have; `growing` ones soon."""
    for attempt in range(50):
        described = await admin.describe_topics([t.name for t in topics])
        there = {d["topic"]: d for d in described}
        pending = []
        for topic in topics:
            found = there.get(topic.name)
            if found is None or found["error_code"]:
                pending.append(topic.name)
            elif len(found["partitions"]) != topic.partitions:
                count = len(found["partitions"])
                if growing and count < topic.partitions:
                    pending.append(topic.name)
                    continue
                raise TopicsDiffer(
                    f"{topic.name} has {count} partitions, not {topic.partitions}"
                    + "; see `kith topics grow`" * (count < topic.partitions)
                )
            elif any(p["leader"] < 0 for p in found["partitions"]):
                pending.append(topic.name)
        if not pending:
            return
        await asyncio.sleep(0.05 * (attempt + 1))
    raise TopicsDiffer(f"no leader yet for {', '.join(pending)}")
