"""How long a check waits: for a message that is sent last, never for a time.

So a wrong build fails by what is missing or there twice.
"""

import asyncio
import itertools

from service_kit.process import Running
from tests.service_kit.line import Line

LAST = 1_000
"""Numbers from here on only say that everything before them had its time."""


async def applied_before_the_last(line: Line, writer: Running, space: str = "s") -> list[int]:
    """Send last messages until one is applied; what was applied until then, without them."""
    numbers = itertools.count(LAST)
    async with asyncio.timeout(60):
        while True:
            await line.emit(writer, next(numbers), space=space)
            for _ in range(25):
                applied = await line.applied()
                if applied and max(applied) >= LAST:
                    return [number for number in applied if number < LAST]
                await asyncio.sleep(0.02)
