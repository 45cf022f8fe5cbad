"""Where contacts stand with the connected systems."""

from collections.abc import Iterable

from contacts_api.domain.contact_rows import Row
from contacts_api.store.statements import as_json, queries
from service_kit.tx import Tx


async def upsert_crm_states(tx: Tx, rows: Iterable[Row]) -> None:
    await tx.execute(queries.upsert_crm_states, as_json(rows))


async def upsert_crm_connections(tx: Tx, rows: Iterable[Row]) -> None:
    await tx.execute(queries.upsert_crm_connections, as_json(rows))
