"""What a fault is made of."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kith.faults.load import Load
from kith.faults.stage import Stage

READERS = ("merge_resolver", "contacts_api")
"""Who reads the steady stream."""


class Skipped(Exception):
    """This machine does not allow the fault; the message says why. Never taken for a success."""


@dataclass
class Scene:
    """`checks` are asked once all is quiet; each tells what is not as it must be. `parts` names
    the faults that were made together.
    """

    stage: Stage
    load: Load
    dice: random.Random
    checks: list[Callable[[], Awaitable[list[str]]]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    async def wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self.dice.uniform(least, most))


Make = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    """`name` is a row of the table."""

    name: str
    make: Make
