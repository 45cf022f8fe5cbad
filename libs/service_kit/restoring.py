"""After a backup was put back: no number is given out twice, nothing is passed over unread."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg

from service_kit.assignment import prime
from service_kit.queries import QUERIES
from service_kit.refills import RefillRequested
from service_kit.sender import Place, Sender
from service_kit.topics import Topics, dead_letter_topic, group_of


class StillRunning(Exception):
    """A process of the service holds the relay's lock: it must end first."""


@dataclass(frozen=True)
class Restored:
    """`hole` is the first and the last number that will never be given out, None without any."""

    hole: tuple[int, int] | None
    groups: tuple[str, ...]
    """They read from the beginning again; what was applied is dropped as a repeat."""


async def restore(
    bootstrap: str, admin_dsn: str, service: str, services: Iterable[str], topics: Topics
) -> Restored:
    """Set one service right whose schema was restored. It must not run; the others may.

    `services` are all that have a schema here. Raises StillRunning, or TimeoutError while a group
    still has members. Safe to repeat.
    """
    connection = await asyncpg.connect(admin_dsn)
    try:
        seen = 0
        for other in services:
            await _enter(connection, other)
            seen = max(seen, await connection.fetchval(QUERIES.get_newest_applied.text, service))
        await _enter(connection, service)
        if not await connection.fetchval(QUERIES.try_relay_lock.text):
            raise StillRunning(service)
        seen = max(seen, await _newest_sent(bootstrap, connection, service, topics))
        hole = await _jump(connection, seen)
        groups = []
        for topic in topics.all():
            # Old requests for refills would make everybody send everything again.
            asked = topic.name == RefillRequested.TOPIC
            if service in topic.readers and not (topic.compacted or asked):
                group = group_of(service, topic.name)
                await prime(bootstrap, group, topic.name, topic.partitions, anew=True)
                groups.append(group)
        return Restored(hole, tuple(groups))
    finally:
        await connection.close()


async def _enter(connection: Any, schema: str) -> None:
    await connection.execute("SELECT set_config('search_path', $1, false)", schema)


async def _newest_sent(bootstrap: str, connection: Any, service: str, topics: Topics) -> int:
    """Behind what the restored database knows to be acknowledged, to the ends of the logs."""
    rows = await connection.fetch(QUERIES.list_relay_offsets.text)
    known = {(row["topic"], row["partition"]): row["last_offset"] for row in rows}
    since = {place: known.get(place, -1) for place in written_by(service, topics)}
    sender = Sender(bootstrap, service)
    try:
        await sender.start()
        return await sender.newest_own_sequence(since, look_back=None)
    finally:
        await sender.stop()


def written_by(service: str, topics: Topics) -> list[Place]:
    """Where messages of a service may be. It sends dead letters again to the topics it reads."""
    found = []
    for topic in topics.all():
        if service in topic.readers or any(service in r.writers for r in topic.messages.values()):
            found += [(topic.name, partition) for partition in range(topic.partitions)]
        letters = dead_letter_topic(topic.name, group_of(service, topic.name))
        if letters in topics:
            found.append((letters, 0))
    return found


async def _jump(connection: Any, seen: int) -> tuple[int, int] | None:
    async with connection.transaction():
        head = await connection.fetchval(QUERIES.lock_head.text, 0)
        if seen <= head:
            return None
        await connection.fetchval(QUERIES.lock_head.text, seen - head)
        await connection.execute(QUERIES.insert_hole.text, head + 1, seen)
    return head + 1, seen
