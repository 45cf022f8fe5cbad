"""A connection's own affairs: its credentials, its account, what its answers say of it."""

import json
from collections.abc import Mapping
from datetime import datetime

from contact_schema.changes import CrmConnectionChanged
from crm_sync import store
from crm_sync.domain.answers import Answer, Halted, Later, judge_failure
from crm_sync.domain.links import ConnectionState
from crm_sync.domain.reasons import CONNECTION_SENTENCES
from crm_sync.domain.sending import seconds_to_midnight
from crm_sync.hubspot import HubSpot
from crm_sync.sealing import unseal
from crm_sync.settings import Settings
from crm_sync.store import ConnectionRow
from crm_sync.targets import check_target
from service_kit.service import Runtime

CHECK_WAIT = 5.0


async def check(runtime: Runtime, hubspot: HubSpot, row: ConnectionRow, now: datetime) -> bool:
    """Who is it, and are Kith's own properties there? Only then is anything sent."""
    account = await hubspot.account()
    if account.status != 200 or not isinstance(account.body, dict):
        await _trouble(runtime, row, account, now)
        return False
    made = await hubspot.ensure_properties()
    if made.status != 200:
        await _trouble(runtime, row, made, now)
        return False
    await mark(runtime, row, "ok", None, None, _learnt(account.body))
    return True


async def _trouble(runtime: Runtime, row: ConnectionRow, answer: Answer, now: datetime) -> None:
    failure = judge_failure(answer)
    if isinstance(failure, Halted):
        await halted(runtime, row, failure, now)
        return
    wait = failure.wait if failure is not None else None
    await mark(
        runtime, row, "degraded", CONNECTION_SENTENCES["unchecked"], max(wait or 0, CHECK_WAIT)
    )


async def halted(runtime: Runtime, row: ConnectionRow, halt: Halted | Later, now: datetime) -> None:
    """What stopped the sender: a wait for the whole connection, or something for people to do."""
    match halt:
        case Later(wait=wait):
            await mark(runtime, row, row.state, row.reason, wait)
        case Halted(code="quota_exhausted" as code):
            wait = seconds_to_midnight(now, row.time_zone)
            await mark(runtime, row, "limited", CONNECTION_SENTENCES[code], wait)
        case Halted(code=code):
            await mark(runtime, row, "action_needed", CONNECTION_SENTENCES[code])


async def mark(
    runtime: Runtime,
    row: ConnectionRow,
    state: ConnectionState,
    reason: str | None,
    wait: float | None = None,
    learnt: Mapping[str, str] | None = None,
) -> None:
    async with runtime.transaction([row.space]) as tx:
        marked = await store.mark_connection(tx, row, state, reason, wait, learnt)
        if marked and (state, reason) != (row.state, row.reason):
            tx.emit(connection_state(row, state, reason, await store.get_now(tx)))


def connection_state(
    row: ConnectionRow, state: ConnectionState, reason: str | None, at: datetime
) -> CrmConnectionChanged:
    return CrmConnectionChanged(
        space=row.space,
        connection=row.connection,
        kind=row.kind,
        label=row.label,
        state=state,
        reason=reason,
        at=at,
    )


async def open_hubspot(settings: Settings, row: ConnectionRow) -> HubSpot:
    """Raises ForbiddenTargetError, or InvalidTag when the credentials do not open."""
    await check_target(row.base_url, settings.allow_loopback_targets)
    plain = unseal(settings.secret.get_secret_value(), row.space, row.sealed or b"")
    return HubSpot(
        row.base_url,
        json.loads(plain)["access_token"],
        settings.crm_sync_hubspot_version,
        settings.crm_sync_timeout_seconds,
        settings.crm_sync_calls,
    )


def _learnt(account: Mapping[str, object]) -> dict[str, str]:
    portal, domain = account.get("portalId"), str(account.get("uiDomain") or "app.hubspot.com")
    scheme = "http" if domain.startswith("127.0.0.1") else "https"
    return {
        "account": str(portal),
        "page_url": f"{scheme}://{domain}/contacts/{portal}/record/0-1/",
        "time_zone": str(account.get("timeZone") or "UTC"),
    }
