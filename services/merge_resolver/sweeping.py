"""After a change of the rules: every blob of the space is evaluated anew, some at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from merge_resolver import store
from merge_resolver.handlers import Streams
from merge_resolver.loading import load_blobs
from merge_resolver.saving import save
from service_kit.outcomes import is_transient
from service_kit.service import Runtime
from service_kit.tx import Tx

BLOBS_AT_ONCE: Final = 200
PAUSE_SECONDS: Final = 1.0


def sweeping(streams: Streams) -> Callable[[Runtime], Awaitable[None]]:
    """The background task. It looks at its start, and whenever a command has changed the rules."""

    async def sweep(runtime: Runtime) -> None:
        streams.rules_changed.set()
        while True:
            await streams.rules_changed.wait()
            streams.rules_changed.clear()
            try:
                while await _sweep_next(runtime, streams):
                    pass
            except Exception as error:
                if not is_transient(error):
                    raise
                streams.rules_changed.set()
                await asyncio.sleep(PAUSE_SECONDS)

    return sweep


async def _sweep_next(runtime: Runtime, streams: Streams) -> bool:
    """One step in one space, in a transaction of its own. False when all are through."""
    async with runtime.transaction() as tx:
        spaces = await store.find_unswept(tx)
    for space, changed_at in spaces:
        async with runtime.transaction([space]) as tx:
            await sweep_some(tx, streams, space, changed_at)
    return bool(spaces)


async def sweep_some(
    tx: Tx, streams: Streams, space: str, changed_at: int, blobs: int = BLOBS_AT_ONCE
) -> bool:
    """Evaluate the next blobs of the space. True while there are more."""
    await streams.lock(tx, {space})
    names = await store.list_unswept_blobs(tx, space, blobs)
    book = await load_blobs(tx, streams.rulebook.of, space, names)
    for blob in book.blobs():
        blob.stir()
        blob.cause, blob.at = "policy", changed_at
    await save(tx, [book], streams.key_of, {}, {})
    await store.mark_swept(tx, space, names[-1] if len(names) == blobs else None)
    return len(names) == blobs
