"""How far each producer's messages were applied: what makes a repeat harmless and a gap visible."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service_kit.dead_letters import Raw
from service_kit.decoding import Head
from service_kit.queries import QUERIES

Source = tuple[int, str]
"""Partition and producer."""


@dataclass(frozen=True, slots=True)
class Moved:
    sequence: int
    offset: int
    appended_at: datetime


@dataclass
class Sifted:
    """`gaps` holds the first sequence that is missing."""

    kept: list[tuple[Raw, Head]] = field(default_factory=list)
    repeated: int = 0
    skipped: int = 0
    gaps: dict[Source, int] = field(default_factory=dict)
    moved: dict[Source, Moved] = field(default_factory=dict)


def sift(
    items: Sequence[tuple[Raw, Head]], marks: Mapping[Source, int | None], *, with_gaps: bool = True
) -> Sifted:
    """Walk in order with a running mark: drop repeats, skip what follows a gap, keep the rest.

    A source without a mark was never seen: its first message counts whatever came before it.
    """
    running = dict(marks)
    result = Sifted()
    for raw, head in items:
        source = (raw.partition, head.producer)
        mark = running[source]
        if mark is not None and head.sequence <= mark:
            result.repeated += 1
        elif mark is not None and with_gaps and head.previous > mark:
            result.skipped += 1
            result.gaps.setdefault(source, mark + 1)
        else:
            running[source] = head.sequence
            result.moved[source] = Moved(head.sequence, raw.offset, raw.appended_at)
            result.kept.append((raw, head))
    return result


async def lock(connection: Any, topic: str, sources: Iterable[Source]) -> dict[Source, int | None]:
    """Lock the rows of these sources, in one order everywhere, and tell where they stand."""
    ordered = sorted(set(sources))
    partitions = [partition for partition, _ in ordered]
    producers = [producer for _, producer in ordered]
    rows = await connection.fetch(QUERIES.lock_watermarks.text, topic, partitions, producers)
    if len(rows) < len(ordered):
        await connection.execute(QUERIES.insert_watermarks.text, topic, partitions, producers)
        rows = await connection.fetch(QUERIES.lock_watermarks.text, topic, partitions, producers)
    return {(row["partition"], row["producer"]): row["last_seq"] for row in rows}


async def move(connection: Any, topic: str, moved: Mapping[Source, Moved]) -> None:
    if not moved:
        return
    await connection.execute(
        QUERIES.move_watermarks.text,
        topic,
        [partition for partition, _ in moved],
        [producer for _, producer in moved],
        [m.sequence for m in moved.values()],
        [m.offset for m in moved.values()],
        [m.appended_at for m in moved.values()],
    )
