"""Builds with a mistake made on purpose, to see that the checks see it.

A mistake is made in a process that runs one check and ends: nothing of it exists outside of tests.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from service_kit import (
    assignment,
    consumer,
    relay,
    restoring,
    sender,
    service,
    subscribing,
    tx,
    watermarks,
)
from service_kit.packing import unpack
from service_kit.queries import QUERIES
from service_kit.sql import Query

VARIABLE = "KITH_TEST_MISTAKE"
_sift = watermarks.sift


def make(name: str) -> None:
    """Make this mistake; none for an empty name."""
    if name:
        MISTAKES[name]()


def acknowledge_first() -> None:
    """Delivered positions are committed while the handler still works."""

    class Policy:
        NACK_ON_ERROR = AckPolicy.ACK_FIRST

    _replace(subscribing, "AckPolicy", Policy)


def watermark_not_compared() -> None:
    def keep_all(items: Sequence[Any], marks: Any, *, with_gaps: bool = True) -> Any:
        result = watermarks.Sifted()
        for raw, head in items:
            moved = watermarks.Moved(head.sequence, raw.offset, raw.appended_at)
            result.moved[raw.partition, head.producer] = moved
            result.kept.append((raw, head))
        return result

    _replace(watermarks, "sift", keep_all)


def watermark_read_without_the_lock() -> None:
    """Two owners of a partition both read how far it was applied, then both apply."""
    _rewrite("lock_watermarks", QUERIES.lock_watermarks.text.replace("FOR UPDATE", ""))


def watermark_moved_in_a_transaction_of_its_own() -> None:
    """Effects are there before it is told that they are."""
    apply, move = consumer.Consumer._apply, watermarks.move

    async def twice(self: consumer.Consumer, raws: Sequence[Any]) -> None:
        later: dict[Any, Any] = {}

        async def remember(_connection: Any, _topic: str, moved: dict[Any, Any]) -> None:
            later.update(moved)

        _replace(watermarks, "move", remember)
        await apply(self, raws)
        async with self._runtime.transaction() as second:
            await move(second.connection, self.topic.name, later)

    _replace(consumer.Consumer, "_apply", twice)


def no_gap_rule() -> None:
    def without_gaps(items: Any, marks: Any, *, with_gaps: bool = True) -> Any:
        return _sift(items, marks, with_gaps=False)

    _replace(watermarks, "sift", without_gaps)


def sequence_of_postgres() -> None:
    """Numbers are given out at once and not with the commit; so the relay must bear holes."""
    _rewrite("lock_head", "SELECT max(nextval('numbers')) FROM generate_series(1, $1::bigint)")
    _rewrite(
        "get_relay_state",
        "SELECT m.last_seq AS mark, coalesce((SELECT max(o.last_seq) FROM outbox AS o), 0) AS head"
        "  FROM relay_mark AS m",
    )
    _replace(relay.Relay, "_assert_no_hole", lambda *_: None)


def relay_goes_on_after_a_failure() -> None:
    """Each record by itself; one that fails is passed over. Without the gap rule nobody sees it."""
    no_gap_rule()

    async def send_singly(
        self: sender.Sender, rows: Sequence[Any], *, after: int, done: Any
    ) -> sender.Round:
        result = sender.Round()
        for row, message in [(r, m) for r in rows for m in unpack(r)]:
            place = (row["topic"], row["partition"])
            if message.sequence <= max(after, done.get(place, 0)):
                continue
            try:
                told = await self._producer.send_and_wait(
                    row["topic"],
                    message.body,
                    key=message.key,
                    partition=row["partition"],
                    headers=sender.headers_of(message, self._service),
                )
            except KafkaError:
                continue
            result.acknowledged[place] = message.sequence
            result.last_offsets[place] = told.offset
        return result

    _replace(sender.Sender, "send", send_singly)


def synchronous_commit_off() -> None:
    """And the refusal to start with it is gone."""
    create_pool = asyncpg.create_pool

    def careless(*arguments: Any, **settings: Any) -> Any:
        settings["server_settings"] = {
            **settings.get("server_settings", {}),
            "synchronous_commit": "off",
        }
        return create_pool(*arguments, **settings)

    _replace(asyncpg, "create_pool", careless)
    _rewrite("get_durability", "SELECT 'on'")


def answered_before_the_commit() -> None:
    """Whoever wrote is told that it is kept, and the commit follows."""
    whole = service.Runtime.transaction
    open_ones = set[asyncio.Task[None]]()

    @asynccontextmanager
    async def early(self: service.Runtime, **more: Any) -> AsyncIterator[tx.Tx]:
        transaction = whole(self, **more)
        yield await transaction.__aenter__()

        async def commit() -> None:
            await asyncio.sleep(0.05)
            with contextlib.suppress(Exception):  # nobody is there to hear of it
                await transaction.__aexit__(None, None, None)

        open_ones.add(asyncio.create_task(commit()))

    _replace(service.Runtime, "transaction", early)


def restored_without_the_jump() -> None:
    async def stay(*_: Any) -> None: ...

    _replace(restoring, "_jump", stay)


def restored_with_the_old_offsets() -> None:
    async def keep(*_: Any, **__: Any) -> None: ...

    _replace(restoring, "prime", keep)


def new_groups_begin_at_the_end() -> None:
    subscriber = KafkaBroker.subscriber

    def from_the_end(self: Any, *topics: Any, **settings: Any) -> Any:
        return subscriber(self, *topics, **{**settings, "auto_offset_reset": "latest"})

    async def nothing(*_: Any) -> None: ...

    _replace(KafkaBroker, "subscriber", from_the_end)
    _replace(subscribing, "prime", nothing)
    _replace(assignment.Assignments, "_start_right", nothing)


def refusals_are_swallowed() -> None:
    async def forget(*_: Any) -> None: ...

    _replace(tx.Tx, "add_dead_letters", forget)


MISTAKES: dict[str, Callable[[], None]] = {
    mistake.__name__: mistake
    for mistake in (
        acknowledge_first,
        watermark_not_compared,
        watermark_read_without_the_lock,
        watermark_moved_in_a_transaction_of_its_own,
        no_gap_rule,
        sequence_of_postgres,
        relay_goes_on_after_a_failure,
        synchronous_commit_off,
        answered_before_the_commit,
        restored_without_the_jump,
        restored_with_the_old_offsets,
        new_groups_begin_at_the_end,
        refusals_are_swallowed,
    )
}


def _replace(owner: Any, name: str, value: Any) -> None:
    """What is replaced must be there: else the mistake would not be made, and nobody would see."""
    getattr(owner, name)
    setattr(owner, name, value)


def _rewrite(query: str, text: str) -> None:
    _replace(QUERIES, query, Query(query, text))
