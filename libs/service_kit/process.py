"""The process of a service: start what moves, serve, and on SIGTERM stop in order, within 30 s."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
import uvicorn
import uvloop
from aiokafka.errors import KafkaError

from service_kit import http, logging, refilling
from service_kit.outcomes import is_transient
from service_kit.refills import RefillRequested
from service_kit.service import Runtime, Service, Stream
from service_kit.subscribing import Subscriptions

_log = structlog.get_logger()
_STOP_PATIENCE = 25.0


def run_process(service: Service) -> None:
    logging.configure(service.settings.log_level, service.name)
    sys.exit(uvloop.run(serve(service)))


async def serve(service: Service) -> int:
    """Everything of the service until it is told to end; the exit code."""
    running = Running(service)
    server = _server(service, running.runtime)
    loop = asyncio.get_running_loop()
    asked: list[int] = []

    def on_signal() -> None:
        asked.append(1)
        if len(asked) > 1:
            os._exit(1)  # a crash, and safe: nothing is promised that is not committed
        running.runtime.health.draining = True
        running.runtime.health.must_end.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, on_signal)
    serving = asyncio.create_task(server.serve())
    serving.add_done_callback(lambda _: running.runtime.health.must_end.set())
    await running.start()
    await running.runtime.health.must_end.wait()
    running.runtime.health.draining = True
    server.should_exit = True
    await _within(10, serving)
    await running.stop()
    code = running.runtime.health.exit_code
    _log.info("service.ended", code=code)
    return code


def _server(service: Service, runtime: Runtime) -> uvicorn.Server:
    config = uvicorn.Config(
        http.build_app(service, runtime),
        host=service.settings.http_host,
        port=service.settings.http_port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=8,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # The signals are ours: the server alone does not know what else has to stop first.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    return server


async def _within(seconds: float, awaitable: Awaitable[Any]) -> None:
    """Wait, but not for ever; what fails while everything ends is of no interest."""
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(awaitable)), seconds)
    except (Exception, asyncio.CancelledError) as error:
        _log.info("shutdown.cut_short", error=type(error).__name__)


class Running:
    """The moving parts of one service. For tests too: without a server, in a loop of theirs."""

    def __init__(self, service: Service) -> None:
        self.runtime = Runtime(service)
        self._service = service
        self._subscriptions = Subscriptions(self.runtime)
        self._tasks: list[asyncio.Task[None]] = []
        self._relay: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns at once; readiness tells when all is there."""
        for replica in self.runtime.replicas.values():
            follow = replica.follow(self.runtime.settings.kafka_bootstrap, self.runtime.topics)
            self._spawn("replica", follow)
        self._spawn("health", self.runtime.health.tick())
        self._spawn("start", self._start_when_possible())

    async def stop(self) -> None:
        """Subscribers first (the batch at hand ends), then tasks, the relay's round, the pool."""
        await _within(_STOP_PATIENCE, self._subscriptions.stop())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._relay is not None:
            self.runtime.relay.stop()
            await _within(5, self._relay)
        await self.runtime.close()

    async def _start_when_possible(self) -> None:
        runtime = self.runtime
        streams = [*self._service.streams, _refills(runtime)]
        for stream in streams:
            self._subscriptions.add(stream)
        await runtime.open()
        self._relay = asyncio.create_task(runtime.relay.run())
        for replica in runtime.replicas.values():
            await replica.complete.wait()
        await self._until_migrated()
        await self._subscriptions.start()
        self._spawn("prune", self._repeat(refilling.prune))
        self._spawn("measure", self._repeat(refilling.measure_outbox))
        for task in self._service.tasks:
            self._spawn(getattr(task, "__name__", "task"), self._repeat(task))
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        runtime.health.ready("start")
        _log.info("service.started")

    async def _until_migrated(self) -> None:
        """Handlers of newer code must not meet tables of older."""
        while True:
            report = await self.runtime.report()
            if not any("migrations" in reason for reason in report["reasons"]):
                return
            await asyncio.sleep(0.5)

    async def _repeat(self, task: Callable[[Runtime], Awaitable[None]]) -> None:
        """A loop that fails on something that is down begins again after a while."""
        wait = 0.1
        while True:
            try:
                await task(self.runtime)
                return
            except Exception as error:
                if not (is_transient(error) or isinstance(error, KafkaError)):
                    raise
                _log.warning("task.retried", error=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(10.0, wait * 2)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._look_at)
        self._tasks.append(task)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.runtime.stop(f"{task.get_name()}: {type(error).__name__}", error)


def _refills(runtime: Runtime) -> Stream:
    return Stream(
        topic=RefillRequested.TOPIC,
        handler=refilling.on_refills(runtime),
        messages=(RefillRequested,),
        trusted_sequences=False,
    )
