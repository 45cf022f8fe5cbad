"""Workspaces, agents, keys, people and policies; each change publishes its agent whole."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from asyncpg import Record

from contact_schema.commands import ChangePolicy
from contact_schema.settings import AgentSettings, KeySettings, Limits, Policies, key_digest
from contacts_api.actions.bodies import (
    AgentBody,
    KeyBody,
    NewAgentBody,
    SettingsBody,
    UserBody,
    WorkspaceBody,
    policies_of,
    settings_json,
)
from contacts_api.actions.ordering import audit, new_id
from contacts_api.actions.reading import need, not_found, unprocessable
from contacts_api.domain.invalid import invalid
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import workspaces as store
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
DECIDING: Final = (
    "anonymous_contacts",
    "caps",
    "typed_email",
    "unsigned_plan",
    "blocked_values",
    "audiences",
    "plan_audiences",
)
"""Policies that change contacts."""
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
    row = await store.upsert_agent(
        tx,
        (random_id("agent"), workspace, space),
        body.name,
        body.region,
        body.grace_days,
        (policies_of(Policies(), body.policies).model_dump_json(), "{}"),
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
    keys: dict[str, list[KeySettings]] = {agent: [] for agent in agents}
    for row in await store.list_keys(tx, agents):
        keys[row["agent"]].append(_key_settings(row))
    for row in await store.find_agents(tx, agents):
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


async def get_settings(state: State, principal: Principal) -> Json:
    need(principal, "settings:manage")
    async with state.transaction() as tx:
        row = await agent_of(tx, principal, principal.agent)
    return _settings(row)


async def change_settings(state: State, principal: Principal, body: SettingsBody) -> Json:
    """Sent fields only; ``region`` may be null."""
    need(principal, "settings:manage")
    sent = body.model_dump(mode="json", exclude_unset=True)
    _check_limits(sent)
    async with state.transaction(principal.space) as tx:
        row = await agent_of(tx, principal, principal.agent)
        policies = policies_of(Policies.model_validate_json(row["policies"]), sent)
        unknown = set(policies.plan_audiences.values()) - set(policies.audiences)
        if unknown:
            raise unprocessable(invalid("/plan_audiences", "Names an audience there is not."))
        limits = orjson.loads(row["limits"]) | (sent.get("limits") or {})
        await store.update_agent(
            tx,
            principal.agent,
            row["name"],
            sent["region"] if "region" in sent else row["region"],
            row["grace_days"] if sent.get("grace_days") is None else sent["grace_days"],
            (policies.model_dump_json(), orjson.dumps(limits).decode()),
        )
        await publish(tx, [principal.agent], state.now())
        await _order_policies(state, principal, tx, row, policies)
        await audit(tx, principal, "settings.changed", [None], fields=sorted(sent))
        row = await agent_of(tx, principal, principal.agent)
    return _settings(row)


async def _order_policies(
    state: State, principal: Principal, tx: Tx, row: Record, policies: Policies
) -> None:
    """What changes contacts has its place among the orders of the space; of several agents in one
    the first decides.
    """
    before = Policies.model_validate_json(row["policies"])
    changed = any(getattr(before, one) != getattr(policies, one) for one in DECIDING)
    agents = await store.list_agents(tx, principal.workspace)
    first = min(one["agent"] for one in agents if one["space"] == principal.space)
    if changed and first == principal.agent:
        tx.emit(
            ChangePolicy(
                space=principal.space,
                command=new_id("command"),
                actor=principal.actor,
                at=state.now(),
                policies=policies,
            )
        )


def _check_limits(sent: Mapping[str, Any]) -> None:
    for name, value in (sent.get("limits") or {}).items():
        if name not in Limits.model_fields or not 1 <= value <= 1_000_000:
            raise unprocessable(invalid(f"/limits/{name[:64]}", "No such limit, or out of range."))


def _settings(row: Record) -> Json:
    return settings_json(
        Policies.model_validate_json(row["policies"]),
        row["region"],
        row["grace_days"],
        Limits.model_validate_json(row["limits"]),
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
