"""Readers that are slower than the broker's patience: their work counts once."""

import asyncio
import time
from typing import Any

import pytest
from faststream.kafka import KafkaBroker

from service_kit import metrics
from service_kit.process import Running
from service_kit.service import Service
from service_kit.tx import Batch, Tx
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, until, until_applied, until_ready

SHORTEST_SESSION_MS = 6_000
"""The least a broker allows."""


async def test_a_loop_that_is_kept_busy_past_its_session_changes_nothing(
    line: Line, start: Start
) -> None:
    """Heartbeats run on it: the broker gives the partitions away, and the metric says why."""
    delays = [SHORTEST_SESSION_MS / 1000 + 2]

    async def block_once(batch: Batch, tx: Tx) -> None:
        await line.append(batch, tx)
        if delays:
            time.sleep(delays.pop())  # noqa: ASYNC251

    service = line.reading_service(block_once)
    short = service.settings.model_copy(update={"session_timeout_ms": SHORTEST_SESSION_MS})
    reader = await start(Running(Service(service.name, short, service.streams)))
    writer = await start(line.writing())
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2)
    await until(lambda: metrics.value_of("loop.delay_seconds") > 1)
    await line.emit(writer, 3)
    await until_applied(line, [1, 2, 3])
    assert reader.runtime.health.fatal is None


async def test_a_handler_slower_than_the_longest_poll_applies_once(
    line: Line, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves its group meanwhile and joins again; whatever comes a second time is dropped."""
    subscriber = KafkaBroker.subscriber

    def impatient(self: Any, *topics: Any, **settings: Any) -> Any:
        return subscriber(self, *topics, **{**settings, "max_poll_interval_ms": 4_000})

    waits = [6.0]

    async def wait_once(batch: Batch, tx: Tx) -> None:
        await line.append(batch, tx)
        if waits:
            await asyncio.sleep(waits.pop())

    monkeypatch.setattr(KafkaBroker, "subscriber", impatient)
    writer, reader = await start(line.writing()), await start(line.reading(wait_once))
    await until_ready(writer, reader)
    before = metrics.value_of("consumer.rebalanced", stream=line.group)
    await line.emit(writer, 1, 2)
    await until(lambda: metrics.value_of("consumer.rebalanced", stream=line.group) > before)
    await line.emit(writer, 3)
    await until_applied(line, [1, 2, 3])
    assert reader.runtime.health.fatal is None
