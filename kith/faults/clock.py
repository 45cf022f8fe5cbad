"""A clock that jumps, in one process. Only where libfaketime is installed."""

import asyncio
import glob

from kith.faults.scene import READERS, Scene, Skipped

_LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
_JUMPS = ("+1h", "-1h", "+5d", "-5d", "+3m", "-3m")


async def jump(scene: Scene) -> None:
    """A copy whose clock jumps twice does all the work of a service that is frozen."""
    library = next(iter(glob.glob(_LIBRARIES)), None)
    if library is None:
        raise Skipped("libfaketime is not installed")
    service, stage = scene.dice.choice(READERS), scene.stage
    clock = stage.stack.layout.directory / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    copy = stage.copy_of(service, faked)
    await asyncio.to_thread(copy.__enter__)
    try:
        with stage.frozen(service):
            for _ in range(2):
                clock.write_text(scene.dice.choice(_JUMPS))
                await scene.wait(4, 5)
    finally:
        await asyncio.to_thread(copy.__exit__, None, None, None)
