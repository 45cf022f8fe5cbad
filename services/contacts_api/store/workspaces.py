"""Workspaces, spaces, agents, keys and people."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from contacts_api.store.statements import queries
from service_kit.tx import Tx


async def upsert_workspace(tx: Tx, workspace: str, name: str) -> str:
    return str(await tx.fetchval(queries.upsert_workspace, workspace, name))


async def upsert_space(tx: Tx, space: str, workspace: str, name: str) -> str:
    return str(await tx.fetchval(queries.upsert_space, space, workspace, name))


async def find_agent_by_name(tx: Tx, workspace: str, name: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_agent_by_name, workspace, name)


async def upsert_agent(
    tx: Tx,
    ids: tuple[str, str, str],
    name: str,
    region: str | None,
    grace_days: int,
    settings: tuple[str, str],
) -> asyncpg.Record:
    """``ids``: agent if it is new, workspace, space; ``settings``: policies and limits as JSON."""
    row = await tx.fetchrow(queries.upsert_agent, *ids, name, region, grace_days, *settings)
    assert row is not None
    return row


async def update_agent(
    tx: Tx,
    agent: str,
    name: str,
    region: str | None,
    grace_days: int,
    settings: tuple[str, str],
) -> None:
    await tx.execute(queries.update_agent, agent, name, region, grace_days, *settings)


async def find_agents(tx: Tx, agents: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.find_agents, agents)


async def find_unpublished(tx: Tx, before: datetime, most: int) -> list[asyncpg.Record]:
    """Agents whose settings were last published before that, with their spaces."""
    return await tx.fetch(queries.find_unpublished, before, most)


async def mark_published(tx: Tx, agents: Sequence[str], now: datetime) -> None:
    await tx.execute(queries.mark_published, agents, now)


async def list_agents(tx: Tx, workspace: str) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_agents, workspace)


async def insert_key(
    tx: Tx,
    ids: tuple[str, str],
    kind: str,
    digest: tuple[str, str],
    grants: tuple[list[str], list[str], bool],
    limits: str | None,
) -> str | None:
    """``ids``: agent and key; ``digest``: with the last four; ``grants``: scopes, origins, native.
    None: the key is another agent's."""
    key: str | None = await tx.fetchval(queries.insert_key, *ids, kind, *digest, *grants, limits)
    return key


async def list_keys(tx: Tx, agents: Sequence[str]) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_keys, agents)


async def revoke_key(tx: Tx, agent: str, key: str) -> bool:
    return await tx.fetchval(queries.revoke_key, agent, key) is not None


async def find_caller(tx: Tx, digest: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_caller, digest)


async def upsert_user(
    tx: Tx, user: str, workspace: str, login: str, password: str, role: str
) -> str | None:
    """None: the login is taken in another workspace."""
    found: str | None = await tx.fetchval(
        queries.upsert_user, user, workspace, login, password, role
    )
    return found


async def find_user(tx: Tx, login: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.find_user, login)


async def list_users(tx: Tx, workspace: str) -> list[asyncpg.Record]:
    return await tx.fetch(queries.list_users, workspace)


async def update_password(tx: Tx, user: str, password: str) -> None:
    await tx.execute(queries.update_password, user, password)


async def insert_sign_in(tx: Tx, digest: str, user: str) -> None:
    await tx.execute(queries.insert_sign_in, digest, user)


async def use_sign_in(tx: Tx, digest: str) -> asyncpg.Record | None:
    return await tx.fetchrow(queries.use_sign_in, digest)


async def delete_sign_in(tx: Tx, digest: str) -> None:
    await tx.execute(queries.delete_sign_in, digest)


async def delete_old_sign_ins(tx: Tx) -> None:
    await tx.execute(queries.delete_old_sign_ins)
