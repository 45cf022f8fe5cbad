"""The rows of the verifier: one function for each query, of the same name."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from identity_verify.domain import Algorithm, Secret
from identity_verify.sealing import Encoding, Sealer, key_of
from service_kit.sql import load_queries
from service_kit.tx import Tx

queries: Final = load_queries(Path(__file__).with_name("queries.sql"))

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """A key as it was given or made."""

    key: str = field(repr=False)
    algorithm: Algorithm = "HS256"
    encoding: Encoding = "utf8"
    label: str = ""
    once: str | None = None
    """The ``Idempotency-Key`` of the call, and what it asked as a digest."""
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What a call made before, and the digest of what it had asked."""

    id: str
    given: Given


def _columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    # Sorted, so that two transactions reach the same rows in the same order.
    ordered = sorted(keys)
    return [first for first, _ in ordered], [second for _, second in ordered]


async def lock_spaces(tx: Tx, spaces: Iterable[str]) -> None:
    await tx.execute(queries.lock_spaces, sorted(set(spaces)))


async def list_live_secrets(
    tx: Tx, sealer: Sealer, agents: Collection[str], now: datetime
) -> dict[str, list[Secret]]:
    """Unsealed, by agent, the newest first; an agent without any is there with an empty list."""
    found: dict[str, list[Secret]] = {agent: [] for agent in agents}
    for row in await tx.fetch(queries.list_live_secrets, sorted(agents), now):
        opened = sealer.open(row["agent"], row["sealed"])
        key = key_of(opened, row["encoding"])
        found[row["agent"]].append(Secret(row["id"], key, row["created_at"], row["algorithm"]))
    return found


async def list_secrets(tx: Tx, agent: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await tx.fetch(queries.list_secrets, agent)]


async def insert_secret(
    tx: Tx, sealer: Sealer, agent: str, id_: str, given: Given, now: datetime
) -> str:
    """The id under which the key is kept: an older one, if it was there."""
    return str(
        await tx.fetchval(
            queries.insert_secret,
            agent,
            id_,
            sealer.seal(agent, given.key),
            sealer.fingerprint(agent, given.key),
            given.encoding,
            given.label,
            now,
            given.algorithm,
            given.once,
            given.asked,
        )
    )


async def lock_agent(tx: Tx, agent: str) -> None:
    await tx.execute(queries.lock_agent, agent)


async def find_made_secret(
    tx: Tx, sealer: Sealer, agent: str, once: str, since: datetime
) -> Made | None:
    """What the first call of this key made since then."""
    row = await tx.fetchrow(queries.find_made_secret, agent, once, since)
    if row is None:
        return None
    key = sealer.open(agent, row["sealed"])
    given = Given(key, row["algorithm"], row["encoding"], row["label"], once, row["asked"])
    return Made(row["id"], given)


async def forget_call(tx: Tx, agent: str, once: str) -> None:
    await tx.execute(queries.forget_call, agent, once)


async def end_other_secrets(
    tx: Tx, agent: str, stays: str, ends_at: datetime, algorithm: Algorithm = "HS256"
) -> None:
    await tx.execute(queries.end_other_secrets, agent, stays, ends_at, algorithm)


async def delete_secret(tx: Tx, agent: str, id_: str, now: datetime) -> bool:
    return await tx.fetchval(queries.delete_secret, agent, id_, now) is not None


async def upsert_revocations(tx: Tx, revoked: Sequence[tuple[str, str, datetime]]) -> None:
    """Rows of space, keyed hash of the user id, and time."""
    if revoked:
        columns = [[one[column] for one in revoked] for column in range(3)]
        await tx.execute(queries.upsert_revocations, *columns)


async def find_revocations(tx: Tx, people: Collection[Key]) -> dict[Key, datetime]:
    """By space and keyed hash of the user id."""
    if not people:
        return {}
    rows = await tx.fetch(queries.find_revocations, *_columns(people))
    return {(row["space"], row["person"]): row["revoked_at"] for row in rows}


async def find_attempts(tx: Tx, units: Collection[Key], since: datetime) -> Counter[Key]:
    """How many failed in each of these units; a unit without any counts none."""
    if not units:
        return Counter()
    rows = await tx.fetch(queries.find_attempts, *_columns(units), since)
    return Counter({(row["space"], row["unit"]): row["failed"] for row in rows})


async def upsert_attempts(
    tx: Tx, failed: Mapping[tuple[str, str, str], int], now: datetime, since: datetime
) -> None:
    """By space, unit and record; a period that began before ``since`` is over."""
    if failed:
        columns = [[place[column] for place in failed] for column in range(3)]
        await tx.execute(queries.upsert_attempts, *columns, list(failed.values()), now, since)


async def prune_attempts(tx: Tx, before: datetime) -> None:
    await tx.execute(queries.prune_attempts, before)


async def insert_verdicts(
    tx: Tx, verdicts: Sequence[tuple[str, str, str, str]], now: datetime
) -> None:
    """Rows of space, claim, record and outcome."""
    columns = [[verdict[column] for verdict in verdicts] for column in range(4)]
    await tx.execute(queries.insert_verdicts, *columns, now)


async def find_fenced(tx: Tx, records: Collection[Key]) -> set[Key]:
    rows = await tx.fetch(queries.find_fenced, *_columns(records))
    return {(row["space"], row["record"]) for row in rows}


async def insert_fences(tx: Tx, space: str, records: Collection[str], erasure: str) -> None:
    await tx.execute(queries.insert_fences, space, sorted(records), erasure)


async def lift_fences(tx: Tx, space: str, erasure: str) -> None:
    await tx.execute(queries.lift_fences, space, erasure)


async def erase_verdicts(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_verdicts, space, list(records)))


async def erase_attempts(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_attempts, space, list(records)))


async def count_rows_of_records(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.count_rows_of_records, space, list(records)))


async def upsert_receipt(
    tx: Tx, space: str, erasure: str, counts: Mapping[str, int]
) -> dict[str, int]:
    """The counts of the first time this erasure was ordered."""
    given = orjson.dumps(counts).decode()
    kept = await tx.fetchval(queries.upsert_receipt, space, erasure, given)
    return {name: int(count) for name, count in orjson.loads(kept).items()}
