"""Whether anything is under way: unsent rows, unapplied messages, services that are not ready.

Nothing is taken for quiet because a question failed: a question without an answer is a reason.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import asyncpg
import httpx

from kith.faults.calls import client
from kith.stack.configuration import SERVICES
from service_kit import topics
from service_kit.refills import RefillRequested

_LOOK_AGAIN_SECONDS = 0.2
_ANSWER_SECONDS = 20.0
_Source = tuple[str, int, str]
"""Topic, partition, producer."""


class NeverQuiet(Exception):
    """Something was still under way when the patience ended; the message names it."""


async def until_quiet(
    dsn: str, urls: Mapping[str, str], topics_file: Path, patience: float
) -> None:
    """Two looks in a row that find nothing under way. Raises NeverQuiet."""
    deadline, looks = time.monotonic() + patience, 0
    while looks < 2:
        reasons = await under_way(dsn, urls, topics_file)
        looks = 0 if reasons else looks + 1
        if reasons and time.monotonic() > deadline:
            raise NeverQuiet("; ".join(reasons[:6]))
        await asyncio.sleep(_LOOK_AGAIN_SECONDS if reasons else 0.05)


async def under_way(dsn: str, urls: Mapping[str, str], topics_file: Path) -> list[str]:
    """Reasons, cheapest question first."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return (
                await unready(urls)
                or await unsent(dsn)
                or await unapplied(dsn, topics.load(topics_file))
            )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        return [f"no answer: {type(e).__name__}"]


async def unready(urls: Mapping[str, str]) -> list[str]:
    """Services that are not ready, or that wait or miss something."""
    reasons = []
    async with client(timeout=3) as caller:
        for service, url in urls.items():
            try:
                report = (await caller.get(f"{url}/readyz")).json()
                told = [*report["reasons"], *report["notes"]]
            except (httpx.HTTPError, ValueError, KeyError) as error:
                told = [type(error).__name__]
            reasons += [f"{service}: {one}" for one in told]
    return reasons


async def unsent(dsn: str, services: Iterable[str] = SERVICES) -> list[str]:
    """Services whose outbox holds what its relay has not sent."""
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        reasons = []
        for service in services:
            await connection.execute("SELECT set_config('search_path', $1, false)", service)
            left = await connection.fetchval(
                "SELECT h.last_seq - m.last_seq FROM outbox_head AS h, relay_mark AS m"
            )
            if left:
                reasons.append(f"{service} has {left} messages to send")
        return reasons
    finally:
        await connection.close(timeout=5)


async def unapplied(dsn: str, listed: topics.Topics) -> list[str]:
    """Readers whose mark is below the last message of a writer.

    Not the broker's word: it may have lost the end of a log, or what a group committed.
    """
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        tails, marks = dict[_Source, int](), dict[str, dict[_Source, int]]()
        for service in SERVICES:
            await connection.execute("SELECT set_config('search_path', $1, false)", service)
            written = "SELECT topic, partition, last_seq FROM outbox_tails"
            for row in await connection.fetch(written):
                tails[row["topic"], row["partition"], service] = row["last_seq"]
            applied = "SELECT topic, partition, producer, last_seq FROM watermarks"
            marks[service] = {
                (row["topic"], row["partition"], row["producer"]): row["last_seq"] or 0
                for row in await connection.fetch(applied)
            }
    finally:
        await connection.close(timeout=5)
    reasons = []
    for topic in listed.all():
        # A restore passes over old requests for refills, and the next one closes that gap.
        if topic.compacted or topic.name == RefillRequested.TOPIC:
            continue
        wanted = {source: tail for source, tail in tails.items() if source[0] == topic.name}
        for reader in topic.readers:
            left = sum(marks[reader].get(source, 0) < tail for source, tail in wanted.items())
            if left:
                reasons.append(f"{reader} is behind in {left} sources of {topic.name}")
    return reasons
