"""The rows of the verifier: one function for each query, of the same name."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from identity_verify.domain import Secret
from identity_verify.sealing import Encoding, Sealer, key_of
from service_kit.sql import load_queries
from service_kit.tx import Tx

queries: Final = load_queries(Path(__file__).with_name("queries.sql"))

Key = tuple[str, str]


async def lock_spaces(tx: Tx, spaces: Iterable[str]) -> None:
    await tx.execute(queries.lock_spaces, sorted(set(spaces)))


async def list_live_secrets(
    tx: Tx, sealer: Sealer, agents: Collection[str], now: datetime
) -> dict[str, list[Secret]]:
    """Unsealed, by agent, the newest first; an agent without any is there with an empty list."""
    found: dict[str, list[Secret]] = {agent: [] for agent in agents}
    for row in await tx.fetch(queries.list_live_secrets, sorted(agents), now):
        opened = sealer.open(row["agent"], row["sealed"])
        found[row["agent"]].append(Secret(row["id"], key_of(opened, row["encoding"])))
    return found


async def list_secrets(tx: Tx, agent: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await tx.fetch(queries.list_secrets, agent)]


async def insert_secret(
    tx: Tx,
    sealer: Sealer,
    agent: str,
    id_: str,
    secret: str,
    *,
    encoding: Encoding,
    label: str,
    now: datetime,
) -> str:
    """The id under which the secret is kept: an older one, if it was there."""
    return str(
        await tx.fetchval(
            queries.insert_secret,
            agent,
            id_,
            sealer.seal(agent, secret),
            sealer.fingerprint(agent, secret),
            encoding,
            label,
            now,
        )
    )


async def end_other_secrets(tx: Tx, agent: str, stays: str, ends_at: datetime) -> None:
    await tx.execute(queries.end_other_secrets, agent, stays, ends_at)


async def delete_secret(tx: Tx, id_: str) -> bool:
    return await tx.fetchval(queries.delete_secret, id_) is not None


async def insert_verdicts(
    tx: Tx, verdicts: Sequence[tuple[str, str, str, str]], now: datetime
) -> None:
    """Rows of space, claim, record and outcome."""
    columns = [[verdict[column] for verdict in verdicts] for column in range(4)]
    await tx.execute(queries.insert_verdicts, *columns, now)


async def find_fenced(tx: Tx, records: Collection[Key]) -> set[Key]:
    ordered = sorted(records)
    rows = await tx.fetch(
        queries.find_fenced, [space for space, _ in ordered], [record for _, record in ordered]
    )
    return {(row["space"], row["record"]) for row in rows}


async def insert_fences(tx: Tx, space: str, records: Collection[str], erasure: str) -> None:
    await tx.execute(queries.insert_fences, space, sorted(records), erasure)


async def lift_fences(tx: Tx, space: str, erasure: str) -> None:
    await tx.execute(queries.lift_fences, space, erasure)


async def erase_verdicts(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.erase_verdicts, space, list(records)))


async def count_rows_of_records(tx: Tx, space: str, records: Collection[str]) -> int:
    return int(await tx.fetchval(queries.count_rows_of_records, space, list(records)))


async def upsert_receipt(
    tx: Tx, space: str, erasure: str, counts: Mapping[str, int]
) -> dict[str, int]:
    """The counts of the first time this erasure was ordered."""
    given = orjson.dumps(counts).decode()
    kept = await tx.fetchval(queries.upsert_receipt, space, erasure, given)
    return {name: int(count) for name, count in orjson.loads(kept).items()}
