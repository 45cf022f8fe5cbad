"""Calls that wait for their command to settle: one shared poll, and a wake-up from this process."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from contacts_api.store.commands import find_settled
from service_kit.outcomes import is_transient
from service_kit.service import Runtime

POLL_SECONDS: Final = 0.01
MAX_POLLED: Final = 5_000


class Settlements:
    """Commands somebody waits for. Not durable: the status address answers for the rest."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}
        self._somebody = asyncio.Event()

    def expect(self, commands: Iterable[str]) -> None:
        """Before the command is committed, so that no wake-up is missed."""
        for command in commands:
            self._waiting[command] = asyncio.Event()
        self._somebody.set()

    def settled(self, commands: Iterable[str]) -> None:
        """These are visible on the read side now."""
        for command in commands:
            if command in self._waiting:
                self._waiting[command].set()

    async def wait(self, commands: Sequence[str], seconds: float) -> None:
        """Until all have settled or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                for command in commands:
                    await self._waiting[command].wait()
        except TimeoutError:
            pass
        finally:
            self.forget(commands)

    def forget(self, commands: Iterable[str]) -> None:
        for command in commands:
            self._waiting.pop(command, None)
        if not self._waiting:
            self._somebody.clear()

    async def poll(self, runtime: Runtime) -> None:
        """For commands that another copy of this service settles. Runs for ever."""
        while True:
            await self._somebody.wait()
            await asyncio.sleep(POLL_SECONDS)
            open_ = [c for c, event in self._waiting.items() if not event.is_set()][:MAX_POLLED]
            if not open_:
                continue
            try:
                async with runtime.transaction() as tx:
                    self.settled(await find_settled(tx, open_))
            except Exception as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(0.2)
