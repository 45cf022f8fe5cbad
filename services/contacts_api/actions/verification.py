"""Taking back what a contact has proven."""

from collections.abc import Sequence

from contact_schema.changes import Snapshot
from contact_schema.commands import Command, RevokeProof
from contact_schema.records import fact_id
from contacts_api.actions.ordering import audit, new_id, order, written
from contacts_api.actions.outcomes import Written
from contacts_api.actions.reading import locate, need, read_contact
from contacts_api.domain.principal import Principal
from contacts_api.state import State
from contacts_api.store import contacts, interactions
from service_kit.tx import Tx


async def revoke_verification(
    state: State, principal: Principal, contact: str, *, expected_version: int | None = None
) -> Written:
    """Proofs of its user ids so far count as typed; whatever was signed by now verifies nobody.

    Raises MovedError, Problem 404, 410, 412.
    """
    need(principal, "contacts:write")
    command = new_id("command")
    async with state.transaction(principal.space) as tx:
        await locate(tx, principal.space, contact)
        users = await _users_of(tx, principal.space, contact)
        if not users:
            shown = await read_contact(tx, principal.space, contact)
            return Written("unchanged", command, contact=shown)

    async def compose(tx: Tx) -> Sequence[Command]:
        await locate(tx, principal.space, contact)
        await audit(tx, principal, "verification.revoked", [contact])
        return [
            RevokeProof(
                space=principal.space,
                command=command,
                actor=principal.actor,
                at=state.now(),
                contact=contact,
                fact=fact_id(state.space_key(principal.space), "command", command),
                users=users,
                expected_version=expected_version,
            )
        ]

    rows = await order(state, principal, "revoke", [command], compose)
    end = await written(state, principal, rows[command])
    async with state.transaction(principal.space) as tx:
        await interactions.forget_proven_claims(tx, principal.space, contact)
    return end


async def _users_of(tx: Tx, space: str, contact: str) -> tuple[str, ...]:
    """Every user id it has: one that is merely given may have been signed as well."""
    rows = await contacts.find_contacts(tx, space, [contact])
    users: set[str] = set()
    for row in rows:
        snapshot = Snapshot.model_validate_json(row["snapshot"])
        users |= set(snapshot.external_ids)
        users |= {snapshot.verified.user} if snapshot.verified else set()
    return tuple(sorted(users))
