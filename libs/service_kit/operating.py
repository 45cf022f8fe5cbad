"""What those who operate see of a service: how far it is, its dead letters, and sending them again.

Ids, counts, places and times only. Asked by the operations page, with the service token.
"""

import time
from typing import TYPE_CHECKING, Any

from service_kit import metrics
from service_kit.dead_letters import NotRedrivable
from service_kit.problems import Problem
from service_kit.queries import QUERIES
from service_kit.topics import group_of

if TYPE_CHECKING:
    from service_kit.service import Runtime

Json = dict[str, Any]
LISTED = 200


async def tell(runtime: "Runtime") -> Json:
    """What /readyz says, and how far each stream is in each partition.

    `emitted` holds [topic, partition, last sequence, last acknowledged offset or null], `applied`
    [topic, partition, producer, last sequence]; both are empty while the database is away.
    """
    report = await runtime.report()
    emitted: list[list[Any]] = []
    applied: list[list[Any]] = []
    if not any(reason.startswith("database") for reason in report["reasons"]):
        async with runtime.transaction() as tx:
            emitted = [list(row.values()) for row in await tx.fetch(QUERIES.list_emitted)]
            applied = [list(row.values()) for row in await tx.fetch(QUERIES.list_applied)]
    streams = [_stream(consumer) for consumer in runtime.consumers]
    now = time.time()
    return {**report, "at": now, "streams": streams, "emitted": emitted, "applied": applied}


def _stream(consumer: Any) -> Json:
    """`places` by partition: [first offset not applied, end of the log]."""
    progress, stream = consumer.progress, consumer.group
    return {
        **consumer.report(),
        "places": {str(p): list(place) for p, place in progress.places.items()},
        "measured_at": progress.measured_at,
        "dead_letters": int(metrics.value_of("dead_letters.open", stream=stream)),
        "unaccounted": int(metrics.value_of("messages.unaccounted", stream=stream)),
        "gaps": int(metrics.value_of("messages.gaps", stream=stream)),
    }


async def list_dead_letters(runtime: "Runtime") -> Json:
    """The newest ones, without bodies."""
    async with runtime.transaction() as tx:
        rows = await tx.fetch(QUERIES.list_dead_letters, LISTED)
    return {
        "data": [
            {
                "id": row["id"],
                "topic": row["topic"],
                "group": group_of(runtime.name, row["topic"]),
                "partition": row["partition"],
                "offset": row["record_offset"],
                "type": row["type"],
                "slug": row["slug"],
                "appended_at": row["appended_at"].isoformat(),
                "at": row["created_at"].isoformat(),
                "redriven_at": row["redriven_at"] and row["redriven_at"].isoformat(),
            }
            for row in rows
        ]
    }


async def redrive(runtime: "Runtime", letter: str) -> Json:
    """Once: a second call changes nothing and says so. Raises Problem 404, 409."""
    async with runtime.transaction() as tx:
        if not await tx.fetchval(QUERIES.has_dead_letter, letter):
            raise Problem(404, "not-found", "There is no such dead letter.")
        try:
            return {"id": letter, "redriven": await tx.redrive(letter)}
        except NotRedrivable:
            text = "It has no value, or is too large to be sent again."
            raise Problem(409, "not-redrivable", text) from None
