"""What makes and changes contacts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from contact_schema.commands import Command, EditContact, ObserveRecord, ResyncContact
from contact_schema.observations import Observation
from contact_schema.records import Unit, candidate_ids, fact_id, living_id, unit_id
from contacts_api.actions.ordering import all_written, audit, new_id, order, written
from contacts_api.actions.outcomes import Written
from contacts_api.actions.reading import (
    locate,
    need,
    not_found,
    unprocessable,
)
from contacts_api.domain.contact_input import (
    NewContact,
    Rules,
    read_edit,
    read_new_contact,
)
from contacts_api.domain.invalid import InvalidError, invalid
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import commands as command_rows
from contacts_api.store import interactions
from service_kit.bodies import unkeepable
from service_kit.problems import Problem
from service_kit.tx import Tx

Json = dict[str, Any]
GENERATIONS: Final = 4
"""How many erasures of one person are looked for at first; most people have none."""


async def create_contact(
    state: State,
    principal: Principal,
    body: Any,
    *,
    expected_version: int | None = None,
    once: str | None = None,
) -> Written:
    """Create, or update by external id. ``once`` (an idempotency key) names a row without one."""
    need(principal, "contacts:write")
    row = _read_row(principal, body)
    command = new_id("command")

    async def compose(tx: Tx) -> Sequence[Command]:
        composed = await _observe(
            state, principal, tx, [(command, row, once or command)], expected_version
        )
        await audit(tx, principal, "contact.written", [c.record for c in composed])
        return composed

    rows = await order(state, principal, "create", [command], compose)
    return await written(state, principal, rows[command])


async def create_contacts(
    state: State, principal: Principal, bodies: Sequence[Any], *, once: str | None = None
) -> list[Written | Problem]:
    """The same for up to 1,000 rows: the end of each, in their order."""
    need(principal, "contacts:write")
    results: list[Written | Problem | None] = []
    wanted: list[tuple[str, NewContact, str]] = []
    for index, body in enumerate(bodies):
        command = new_id("command")
        try:
            wanted.append((command, _read_row(principal, body), f"{once or command}:{index}"))
            results.append(None)
        except Problem as problem:
            results.append(problem)
    if wanted:
        ends = iter(await _create_all(state, principal, wanted))
        results = [next(ends) if result is None else result for result in results]
    return [result for result in results if result is not None]


async def _create_all(
    state: State, principal: Principal, wanted: Sequence[tuple[str, NewContact, str]]
) -> list[Written | Problem]:
    async def compose(tx: Tx) -> Sequence[Command]:
        composed = await _observe(state, principal, tx, wanted, None)
        await audit(tx, principal, "contact.written", [c.record for c in composed])
        return composed

    commands = [command for command, _, _ in wanted]
    seconds = max(
        state.settings.settle_seconds,
        state.settings.settle_batch_seconds if len(commands) > 1 else 0,
    )
    rows = await order(state, principal, "create", commands, compose, seconds)
    return await all_written(state, principal, [rows[command] for command in commands])


def rules_of(principal: Principal) -> Rules:
    policies = principal.policies
    return Rules(principal.region, policies.blocked_values, policies.audiences)


def keepable(body: Any) -> Any:
    """Raises Problem 422 for what JSON can carry and nobody can keep."""
    pointer = unkeepable(body)
    if pointer is not None:
        raise unprocessable(invalid(pointer, "Holds a value that cannot be kept."))
    return body


def _read_row(principal: Principal, body: Any) -> NewContact:
    try:
        return read_new_contact(keepable(body), rules_of(principal))
    except InvalidError as error:
        raise unprocessable(error) from None


async def _observe(
    state: State,
    principal: Principal,
    tx: Tx,
    wanted: Sequence[tuple[str, NewContact, str]],
    expected_version: int | None,
) -> list[ObserveRecord]:
    """A command per row, on the lowest generation of its record that is not fenced."""
    key, at = state.space_key(principal.space), state.now()
    units = [(Unit("api", "", row.external_id or name), row.external_id) for _, row, name in wanted]
    closed = await _closed(tx, principal.space, key, units)
    return [
        ObserveRecord(
            space=principal.space,
            command=command,
            actor=principal.actor,
            at=at,
            record=living_id(key, unit, user, closed),
            unit=unit_id(key, unit),
            observation=_observation(key, command, row, at, principal),
            expected_version=expected_version,
        )
        for (command, row, _), (unit, user) in zip(wanted, units, strict=True)
    ]


async def _closed(
    tx: Tx, space: str, key: bytes, units: Sequence[tuple[Unit, str | None]]
) -> set[str]:
    """Records of these units that take nothing more, up to a generation that does."""
    closed: set[str] = set()
    open_, generations = list(units), GENERATIONS
    while open_:
        candidates = {id_ for unit in open_ for id_ in candidate_ids(key, *unit, generations)}
        closed |= await interactions.find_closed(tx, space, candidates)
        open_ = [u for u in open_ if closed.issuperset(candidate_ids(key, *u, generations))]
        generations *= 8
    return closed


def _observation(
    key: bytes, command: str, row: NewContact, at: datetime, principal: Principal
) -> Observation:
    return Observation(
        fact=fact_id(key, "command", command),
        at=at,
        occurred_at=at,
        identifiers=row.identifiers,
        fields=row.fields,
        field_class="operator" if principal.kind == "user" else "system",
        tags=row.tags,
    )


async def edit_contact(
    state: State,
    principal: Principal,
    contact: str,
    changes: Any,
    *,
    expected_version: int | None = None,
) -> Written:
    """Sent fields only. Raises MovedError, or Problem 404, 410, 412 or 422."""
    need(principal, "contacts:write")
    try:
        edit = read_edit(keepable(changes), rules_of(principal))
    except InvalidError as error:
        raise unprocessable(error) from None
    command = new_id("command")

    async def compose(tx: Tx) -> Sequence[Command]:
        await locate(tx, principal.space, contact)
        await audit(tx, principal, "contact.edited", [contact], fields=sorted(changes))
        return [
            EditContact(
                space=principal.space,
                command=command,
                actor=principal.actor,
                at=state.now(),
                contact=contact,
                fact=fact_id(state.space_key(principal.space), "command", command),
                fields=edit.fields,
                replace_tags=edit.replace_tags,
                add_tags=edit.add_tags,
                remove_tags=edit.remove_tags,
                expected_version=expected_version,
            )
        ]

    rows = await order(state, principal, "edit", [command], compose)
    return await written(state, principal, rows[command])


async def resync_contact(
    state: State, principal: Principal, contact: str, connection: str | None = None
) -> Json:
    """Order a comparison with the CRM; its state on the contact tells what came of it."""
    need(principal, "contacts:write")
    command = new_id("command")
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        await audit(tx, principal, "contact.resync_ordered", [contact])
        tx.emit(
            ResyncContact(
                space=principal.space,
                command=command,
                actor=principal.actor,
                at=state.now(),
                contact=contact,
                connection=connection,
            )
        )
    return {"command_id": command, "status_url": f"/v1/contacts/{contact}"}


async def settled_command(state: State, principal: Principal, command: str) -> tuple[str, Written]:
    """What became of a command: its kind, and its end as the call would have answered."""
    async with state.transaction(principal.space) as tx:
        rows = await command_rows.list_commands(tx, principal.space, [command])
    if not rows:
        raise not_found()
    return rows[0]["kind"], await written(state, principal, rows[0])
