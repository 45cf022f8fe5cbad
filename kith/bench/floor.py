"""Yardstick (a), the floor: one process that reads events, parses them and copies them into one
table with a primary key, 2,000 at a time. Nothing that keeps events can do less.

Run as `python -m kith.bench.floor BOOTSTRAP TOPIC EVENTS`, the database's address in the
environment as KITH_BENCH_DSN.
"""

import json
import os
import sys
import time
from datetime import datetime
from typing import Any, Final

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel, TypeAdapter

from kith.bench.statements import queries

PARTITIONS: Final = 12
BATCH: Final = 2_000
COLUMNS: Final = (
    "space", "event", "type", "channel", "session", "conversation", "occurred_at", "text",
)  # fmt: skip


class Event(BaseModel):
    """What the floor keeps of an event."""

    event_id: str
    type: str
    channel: str
    occurred_at: datetime
    session_id: str | None = None
    conversation_id: str | None = None
    text: str | None = None


_EVENT: Final = TypeAdapter(Event)


def _row(record: Any) -> tuple[Any, ...]:
    e = _EVENT.validate_json(record.value)
    space = record.key.decode()
    return (
        space, e.event_id, e.type, e.channel, e.session_id, e.conversation_id, e.occurred_at, e.text
    )  # fmt: skip


async def run(bootstrap: str, topic: str, events: int, dsn: str) -> tuple[float, float]:
    """Seconds from the first record in hand to the last row committed, and of CPU in them."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(queries.make_floor.text)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    started, used, done = 0.0, 0.0, 0
    waiting: list[Any] = []
    while done < events:
        for records in (await consumer.getmany(timeout_ms=500, max_records=BATCH)).values():
            waiting += records
        if waiting and not started:
            started, used = time.perf_counter(), time.process_time()
        if len(waiting) >= BATCH or done + len(waiting) >= events:
            rows = [_row(record) for record in waiting[:BATCH]]
            await connection.copy_records_to_table(
                "floor", schema_name="bench", columns=COLUMNS, records=rows
            )
            del waiting[:BATCH]
            done += len(rows)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    await consumer.stop()
    await connection.close()
    return seconds, cpu


if __name__ == "__main__":
    _, server, name, count = sys.argv
    taken, cpu = uvloop.run(run(server, name, int(count), os.environ["KITH_BENCH_DSN"]))
    json.dump({"events": int(count), "seconds": taken, "cpu": cpu}, sys.stdout)
