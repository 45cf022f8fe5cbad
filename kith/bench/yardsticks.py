"""What the pipeline is held against, measured on the same broker, database and events."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from kith.bench import meters
from kith.bench.floor import PARTITIONS
from kith.bench.target import Servers
from kith.bench.visits import Batch
from kith.stack.layout import ROOT
from kith.stack.parts import python_path

TOPIC: Final = "bench.events"
BATCH_BYTES: Final = 262_144


@dataclass(frozen=True)
class Yardstick:
    """``cpu`` is what process, broker and database used together, in seconds per 1,000 events."""

    per_second: float
    cpu: float


# A topic that was just made has no leader for a moment, which the client logs as errors.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


async def write_events(bootstrap: str, batches: Sequence[Batch]) -> int:
    """Put the events on a topic of their own, packed as the relay packs them; how many."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type="zstd",
        max_batch_size=BATCH_BYTES,
        linger_ms=20,
        acks="all",
    )
    await producer.start()
    sent = 0
    for batch in batches:
        key = batch.agent.space.encode()
        for event in orjson.loads(batch.body):
            value = orjson.dumps(event | {"space": batch.agent.space})
            await producer.send(TOPIC, value, key)
            sent += 1
    await producer.flush()
    await producer.stop()
    return sent


async def measure(module: str, servers: Servers, events: int) -> Yardstick:
    """A yardstick, run as a process of its own."""
    before = servers.cpu()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"kith.bench.{module}",
        servers.kafka.bootstrap,
        TOPIC,
        str(events),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": python_path(), "KITH_BENCH_DSN": servers.postgres.dsn},
        stdout=subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the yardstick {module} failed")
    result = json.loads(output)
    used = result["cpu"] + sum(meters.spent(before, servers.cpu()).values())
    return Yardstick(
        round(result["events"] / result["seconds"], 1), round(used / result["events"] * 1000, 4)
    )
