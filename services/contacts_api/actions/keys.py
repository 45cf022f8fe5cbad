"""API and widget keys: shown once, kept as digests."""

import hmac
from typing import Any

from asyncpg import Record

from contact_schema.settings import Limits, Policies, key_digest
from contacts_api.actions.bodies import KeyBody, NewKeyBody
from contacts_api.actions.ordering import audit
from contacts_api.actions.reading import need, not_found
from contacts_api.actions.workspaces import agent_of, keep_key, new_secret, publish
from contacts_api.domain.contact_view import moment
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import workspaces as store
from service_kit.problems import Problem

Json = dict[str, Any]


async def list_keys(state: State, principal: Principal, agent: str) -> Json:
    need(principal, "workspace:manage")
    async with state.transaction() as tx:
        await agent_of(tx, principal, agent)
        rows = await store.list_keys(tx, [agent])
    return {"data": [_key_json(row) for row in rows], "next_cursor": None, "prev_cursor": None}


def _key_json(row: Record) -> Json:
    return {
        "id": row["key"],
        "kind": row["kind"],
        "last4": row["last4"],
        "scopes": list(row["scopes"]),
        "origins": list(row["origins"]),
        "native": row["native"],
        "created_at": moment(row["created_at"]),
    }


async def create_key(state: State, principal: Principal, agent: str, body: NewKeyBody) -> Json:
    """The key with its secret, which is shown this once. Nobody grants what he has not."""
    need(principal, "workspace:manage")
    if not set(body.scopes) <= principal.scopes:
        raise Problem(403, "missing-scope", "A key can grant no more than it has itself.")
    secret = new_secret(body.kind)
    async with state.transaction(principal.space) as tx:
        await agent_of(tx, principal, agent)
        key = await keep_key(
            tx, agent, KeyBody.model_validate({**body.model_dump(), "key": secret})
        )
        await publish(tx, [agent], state.now())
        await audit(tx, principal, "key.created", [None], agent=agent, key=key)
        row = next(r for r in await store.list_keys(tx, [agent]) if r["key"] == key)
    return {**_key_json(row), "key": secret}


async def revoke_key(state: State, principal: Principal, agent: str, key: str) -> None:
    need(principal, "workspace:manage")
    async with state.transaction(principal.space) as tx:
        await agent_of(tx, principal, agent)
        if not await store.revoke_key(tx, agent, key):
            raise not_found()
        await publish(tx, [agent], state.now())
        await audit(tx, principal, "key.revoked", [None], agent=agent, key=key)


async def find_caller(state: State, key: str) -> tuple[Principal, Limits, bool] | None:
    """Whom an API key stands for, its limits, and whether these are the key's own."""
    digest = key_digest(key)
    async with state.transaction() as tx:
        row = await store.find_caller(tx, digest)
    if row is None or not hmac.compare_digest(key[-4:], row["last4"]):
        return None
    principal = Principal(
        kind="key",
        id=row["key"],
        name=f"key …{row['last4']}",
        workspace=row["workspace"],
        agent=row["agent"],
        space=row["space"],
        scopes=frozenset(row["scopes"]),
        region=row["region"],
        grace_days=row["grace_days"],
        policies=Policies.model_validate_json(row["policies"]),
    )
    return principal, Limits.model_validate_json(row["limits"]), row["own_limits"]
