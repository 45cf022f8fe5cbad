"""Faults between callers and the events' door: answers that are lost, that come too late."""

import asyncio

from kith.faults.load import TIMEOUT_SECONDS
from kith.faults.scene import Scene
from kith.stack import ports

_RELAY_SESSION_SECONDS = 10.0
"""So long an idle session of a frozen relay keeps its lock."""


async def reset_callers(scene: Scene) -> None:
    """Some were answered and do not know it: they ask again with the same ids."""
    proxy = scene.stage.to_ingest
    for _ in range(12):
        await asyncio.to_thread(proxy.reset_all)
        await scene.wait(0.1, 0.5)


async def answer_late(scene: Scene) -> None:
    """A call arrives when its caller has given it up and makes it a second time."""
    proxy = scene.stage.to_ingest
    proxy.weather.delay = TIMEOUT_SECONDS + scene.dice.uniform(0.2, 1.5)
    await scene.wait(4, 6)
    proxy.clear()


async def relay_twice(scene: Scene) -> None:
    """The door's process is frozen until a copy has its relay's lock; then both mean to send."""
    stage, proxy = scene.stage, scene.stage.to_ingest
    port, before = ports.pick(None), proxy.target
    copy = stage.copy_of("ingest", port=port)
    await asyncio.to_thread(copy.__enter__)
    try:
        with stage.frozen("ingest"):
            proxy.target = port
            await asyncio.to_thread(proxy.reset_all)
            await scene.wait(_RELAY_SESSION_SECONDS + 2, _RELAY_SESSION_SECONDS + 4)
        await scene.wait(1, 2)
    finally:
        proxy.target = before
        await asyncio.to_thread(copy.__exit__, None, None, None)
        await asyncio.to_thread(proxy.reset_all)
