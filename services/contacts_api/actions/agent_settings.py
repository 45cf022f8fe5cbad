"""What an agent's owner sets. What decides about contacts is the same for all agents of a space."""

from collections.abc import Mapping
from typing import Any

import orjson
from asyncpg import Record

from contact_schema.commands import ChangePolicy
from contact_schema.settings import Limits, Policies
from contacts_api.actions.bodies import (
    DECIDING,
    SettingsBody,
    policies_of,
    settings_json,
    with_deciding,
)
from contacts_api.actions.ordering import audit, new_id
from contacts_api.actions.reading import need, unprocessable
from contacts_api.actions.workspaces import agent_of, publish
from contacts_api.domain.invalid import invalid
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import workspaces as store
from service_kit.tx import Tx

Json = dict[str, Any]


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
        agents = await _agents_of_the_space(tx, principal)
        row = agents[principal.agent]
        before = Policies.model_validate_json(row["policies"])
        policies = policies_of(before, sent)
        unknown = set(policies.plan_audiences.values()) - set(policies.audiences)
        if unknown:
            raise unprocessable(invalid("/plan_audiences", "Names an audience there is not."))
        await _update(tx, row, policies, sent)
        changed = [principal.agent]
        if any(getattr(before, one) != getattr(policies, one) for one in DECIDING):
            for other in agents.values():
                if other["agent"] != principal.agent:
                    own = Policies.model_validate_json(other["policies"])
                    await _update(tx, other, with_deciding(own, policies), {})
            changed = list(agents)
            _order(state, principal, tx, policies)
        await publish(tx, changed, state.now())
        await audit(tx, principal, "settings.changed", [None], fields=sorted(sent))
        row = await agent_of(tx, principal, principal.agent)
    return _settings(row)


async def _agents_of_the_space(tx: Tx, principal: Principal) -> dict[str, Record]:
    """Locked, in one order: two changes at once must not leave them different."""
    listed = await store.list_agents(tx, principal.workspace)
    names = [one["agent"] for one in listed if one["space"] == principal.space]
    return {one["agent"]: one for one in await store.find_agents(tx, names)}


async def _update(tx: Tx, row: Record, policies: Policies, sent: Mapping[str, Any]) -> None:
    limits = orjson.loads(row["limits"]) | (sent.get("limits") or {})
    await store.update_agent(
        tx,
        row["agent"],
        row["name"],
        sent["region"] if "region" in sent else row["region"],
        row["grace_days"] if sent.get("grace_days") is None else sent["grace_days"],
        (policies.model_dump_json(), orjson.dumps(limits).decode()),
    )


def _order(state: State, principal: Principal, tx: Tx, policies: Policies) -> None:
    """What changes contacts has its place among the orders of the space."""
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
