"""Workspaces, agents, keys, people and policies; each change publishes its agent whole."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from asyncpg import Record

from contact_schema.settings import AgentSettings, KeySettings, Limits, Policies, key_digest
from contacts_api.actions.bodies import (
    AgentBody,
    KeyBody,
    NewAgentBody,
    UserBody,
    WorkspaceBody,
    policies_of,
    with_deciding,
)
from contacts_api.actions.ordering import audit
from contacts_api.actions.reading import need, not_found
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import workspaces as store
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
PUBLISHED_EACH: Final = timedelta(days=1)
PUBLISHED_AT_ONCE: Final = 100
PREFIXES: Final = {"api": "ak_", "widget": "wk_"}


def random_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(13)}"


async def provision_workspace(state: State, name: str, body: WorkspaceBody) -> Json:
    """Make it, or bring it to what the body says; found again by its names."""
    hashes = [await _password_of(state, user) for user in body.users]
    async with state.transaction() as tx:
        workspace = await store.upsert_workspace(tx, random_id("workspace"), name)
        agents = [
            await _provision_agent(tx, workspace, agent, state.now()) for agent in body.agents
        ]
        for user, password in zip(body.users, hashes, strict=True):
            if not await _provision_user(tx, state, workspace, user, password):
                raise Problem(409, "conflict", "This login is taken in another workspace.")
    return {"workspace": workspace, "agents": agents}


async def _password_of(state: State, user: UserBody) -> str:
    return await asyncio.to_thread(state.passwords.hash, user.password)


async def _provision_user(
    tx: Tx, state: State, workspace: str, user: UserBody, password: str
) -> bool:
    made = await store.upsert_user(
        tx, random_id("user"), workspace, user.login, password, user.role
    )
    return made is not None


async def _provision_agent(tx: Tx, workspace: str, body: AgentBody, now: datetime) -> Json:
    known = await store.find_agent_by_name(tx, workspace, body.name)
    space = (
        known["space"]
        if known
        else await store.upsert_space(
            tx, random_id("space"), workspace, body.space or f"agent {body.name}"
        )
    )
    await tx.name_spaces([space])
    shared = [one for one in await store.list_agents(tx, workspace) if one["space"] == space]
    base = Policies()
    if known is None and shared:
        # What decides about contacts is the space's.
        base = with_deciding(base, Policies.model_validate_json(shared[0]["policies"]))
    row = await store.upsert_agent(
        tx,
        (random_id("agent"), workspace, space),
        body.name,
        body.region,
        body.grace_days,
        (policies_of(base, body.policies).model_dump_json(), "{}"),
    )
    for key in body.keys:
        if await keep_key(tx, row["agent"], key) is None:
            raise Problem(409, "conflict", "A key of this body is another agent's.")
    await publish(tx, [row["agent"]], now)
    return {"name": body.name, "id": row["agent"], "space": row["space"]}


async def keep_key(tx: Tx, agent: str, body: KeyBody) -> str | None:
    """The id of the key; its secret is in the body."""
    secret, limits = body.key or new_secret(body.kind), body.own_limits
    return await store.insert_key(
        tx,
        (agent, random_id("key")),
        body.kind,
        (key_digest(secret), secret[-4:]),
        (body.granted, list(body.origins), body.native),
        limits.model_dump_json() if limits else None,
    )


def new_secret(kind: str) -> str:
    """256 random bits: 43 characters after the prefix."""
    return PREFIXES[kind] + secrets.token_urlsafe(32)


async def publish(tx: Tx, agents: Sequence[str], now: datetime) -> None:
    """Agents whole, keys as digests, for every other service."""
    rows = await store.find_agents(tx, agents)
    keys: dict[str, list[KeySettings]] = {agent: [] for agent in agents}
    for key in await store.list_keys(tx, agents):
        keys[key["agent"]].append(_key_settings(key))
    for row in rows:
        tx.emit(
            AgentSettings(
                space=row["space"],
                agent=row["agent"],
                workspace=row["workspace"],
                name=row["name"],
                region=row["region"],
                grace_days=row["grace_days"],
                keys=tuple(keys[row["agent"]]),
                policies=Policies.model_validate_json(row["policies"]),
                limits=Limits.model_validate_json(row["limits"]),
            )
        )
    await store.mark_published(tx, agents, now)


async def publish_again(state: State) -> None:
    """Each agent once a day: what was published longer ago than the outbox is kept could not be
    sent anew to a broker that lost it, and nobody would know a key any more.
    """
    now = state.now()
    while True:
        async with state.transaction() as tx:
            due = await store.find_unpublished(tx, now - PUBLISHED_EACH, PUBLISHED_AT_ONCE)
            if due:
                await tx.name_spaces({row["space"] for row in due})
                await publish(tx, [row["agent"] for row in due], now)
        if len(due) < PUBLISHED_AT_ONCE:
            return


def _key_settings(row: Record) -> KeySettings:
    limits = row["limits"]
    return KeySettings(
        id=row["key"],
        kind=row["kind"],
        digest=row["digest"],
        last4=row["last4"],
        scopes=tuple(row["scopes"]),
        origins=tuple(row["origins"]),
        native=row["native"],
        limits=Limits.model_validate_json(limits) if limits else None,
    )


async def agent_of(tx: Tx, principal: Principal, agent: str) -> Record:
    """Raises Problem 404 for an agent of another workspace, as for none."""
    rows = await store.find_agents(tx, [agent])
    if not rows or rows[0]["workspace"] != principal.workspace:
        raise not_found()
    return rows[0]


async def list_agents(state: State, principal: Principal) -> Json:
    need(principal, "workspace:manage")
    async with state.transaction() as tx:
        rows = await store.list_agents(tx, principal.workspace)
    return {"data": [_agent_json(r) for r in rows], "next_cursor": None, "prev_cursor": None}


def _agent_json(row: Record) -> Json:
    return {
        "id": row["agent"],
        "name": row["name"],
        "space": row["space"],
        "region": row["region"],
        "grace_days": row["grace_days"],
    }


async def create_agent(state: State, principal: Principal, body: NewAgentBody) -> Json:
    """Another agent of the workspace, in a space of its own or in a named one."""
    need(principal, "workspace:manage")
    async with state.transaction(principal.space) as tx:
        if await store.find_agent_by_name(tx, principal.workspace, body.name):
            raise Problem(409, "conflict", "There is an agent of this name.")
        made = await _provision_agent(
            tx, principal.workspace, AgentBody.model_validate(body.model_dump()), state.now()
        )
        await audit(tx, principal, "agent.created", [None], agent=made["id"])
        return _agent_json(await agent_of(tx, principal, made["id"]))


async def list_users(state: State, principal: Principal) -> Json:
    need(principal, "workspace:manage")
    async with state.transaction() as tx:
        rows = await store.list_users(tx, principal.workspace)
    data = [{"id": r["user_id"], "login": r["login"], "role": r["role"]} for r in rows]
    return {"data": data, "next_cursor": None, "prev_cursor": None}


async def create_user(state: State, principal: Principal, body: UserBody) -> Json:
    need(principal, "workspace:manage")
    password = await _password_of(state, body)
    async with state.transaction(principal.space) as tx:
        if await store.find_user(tx, body.login):
            raise Problem(409, "conflict", "This login is taken.")
        await _provision_user(tx, state, principal.workspace, body, password)
        row = await store.find_user(tx, body.login)
        assert row is not None
        await audit(tx, principal, "user.created", [None], user=row["user_id"])
    return {"id": row["user_id"], "login": row["login"], "role": row["role"]}
