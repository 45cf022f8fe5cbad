"""Yardstick (b), the ordinary way: a FastStream handler for one message at a time that does with
asyncpg what the pipeline does in batches: known event? known record? known address? then contact,
record, timeline and counters, in one transaction, and then the acknowledgement.

Run as `python -m kith.bench.one_by_one BOOTSTRAP TOPIC EVENTS`, the database's address in the
environment as KITH_BENCH_DSN.
"""

import asyncio
import json
import os
import sys
import time
from datetime import datetime
from typing import Any, Final

import asyncpg
import uvloop
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from pydantic import BaseModel

from kith.bench.statements import queries

WARM_UP: Final = 100


class Lead(BaseModel):
    email: str | None = None


class Event(BaseModel):
    """An event, with the space that it belongs to."""

    space: str
    event_id: str
    type: str
    channel: str
    occurred_at: datetime
    session_id: str
    conversation_id: str | None = None
    text: str | None = None
    lead: Lead | None = None


async def apply(connection: Any, event: Event) -> None:
    """One message, one transaction."""
    async with connection.transaction():
        if not await connection.fetchval(queries.accept_one.text, event.space, event.event_id):
            return
        record = event.conversation_id or event.session_id
        email = event.lead.email if event.lead else None
        contact = await connection.fetchval(queries.find_record.text, event.space, record)
        if email:
            known = await connection.fetchval(queries.find_by_email.text, event.space, email)
            contact = known or contact
        if contact is None and event.conversation_id:
            contact = await connection.fetchval(
                queries.find_record.text, event.space, event.session_id
            )
        contact = contact or record
        await connection.execute(
            queries.upsert_contact.text, event.space, contact, email, event.occurred_at
        )
        await connection.execute(queries.upsert_record.text, event.space, record, contact)
        await connection.execute(
            queries.insert_entry.text, event.space, record, event.occurred_at, event.event_id,
            event.type, event.text,
        )  # fmt: skip
        await connection.execute(
            queries.upsert_activity.text, event.space, record, event.channel, event.occurred_at
        )


async def run(bootstrap: str, topic: str, events: int, dsn: str) -> tuple[float, float]:
    """Seconds for that many messages, after the first hundred, and of CPU in them."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    await pool.execute(queries.make_one_by_one.text)
    broker = KafkaBroker(bootstrap, logger=None)
    done, started, used, finished = 0, 0.0, 0.0, asyncio.Event()

    @broker.subscriber(
        topic,
        group_id="bench.one-by-one",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def on_event(event: Event) -> None:
        nonlocal done, started, used
        async with pool.acquire() as connection:
            await apply(connection, event)
        done += 1
        if done == WARM_UP:
            started, used = time.perf_counter(), time.process_time()
        elif done == events + WARM_UP:
            finished.set()

    await broker.start()
    await finished.wait()
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    await broker.stop()
    await pool.close()
    return seconds, cpu


if __name__ == "__main__":
    _, server, name, count = sys.argv
    taken, cpu = uvloop.run(run(server, name, int(count), os.environ["KITH_BENCH_DSN"]))
    json.dump({"events": int(count), "seconds": taken, "cpu": cpu}, sys.stdout)
