"""One function per stream: fold the batch, write each kind of change once."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from contact_schema.changes import (
    CommandSettled,
    ContactChanged,
    ContactErased,
    ContactsHeld,
    ContactsMerged,
    ContactSplit,
    ContactsReleased,
    CrmConnectionChanged,
    CrmStateChanged,
)
from contacts_api.domain.contact_rows import Change, Place, Row, fold_changes
from contacts_api.domain.interactions import Event, fold_events
from contacts_api.store import commands, contacts, crm, erasures, holds, interactions, merges
from service_kit.tx import Batch, Received, Tx


async def on_changes(
    batch: Batch, tx: Tx, settled: Callable[[Iterable[str]], None] = lambda _: None
) -> None:
    """What contacts became. ``settled`` is told of commands once their rows are there."""
    await contacts.lock_spaces(tx, {received.space for received in batch})
    kept = await _without_fenced(tx, batch, _named_by_change)
    await _save_changes(tx, [r for r in kept if isinstance(r.body, ContactChanged)])
    await _save_endings(tx, kept)
    await _save_journal(tx, kept)
    await _save_holds(tx, batch)
    rows = [_settled_row(r.body) for r in batch if isinstance(r.body, CommandSettled)]
    if rows:
        done = await commands.mark_settled(tx, rows)
        tx.after_commit(lambda: settled(done))


async def on_interactions(batch: Batch, tx: Tx) -> None:
    """Timeline, counters and conversations, by record: whose they are is asked when reading."""
    await contacts.lock_spaces(tx, {received.space for received in batch})
    kept = await _without_fenced(tx, batch, lambda body: [body.record])
    if not kept:
        return
    folded = fold_events(
        Event(received.body, f"entry_{received.message_id.hex}", received.sequence)
        for received in kept
    )
    await interactions.insert_timeline(tx, folded.timeline)
    await interactions.upsert_activity(tx, [row for _, row in sorted(folded.activity.items())])
    await interactions.upsert_conversations(
        tx, [row for _, row in sorted(folded.conversations.items())]
    )
    await interactions.advance_last_seen(
        tx, [(space, record, at) for (space, record), at in folded.seen.items()]
    )


async def on_identity(batch: Batch, tx: Tx) -> None:
    """Claims that a signature has proven: what a conversation may read follows from them."""
    await contacts.lock_spaces(tx, {received.space for received in batch})
    kept = await _without_fenced(tx, batch, lambda body: [body.record])
    await interactions.insert_proven_claims(
        tx, [(r.space, r.body.claim, r.body.record) for r in kept if r.body.proof == "proven"]
    )


async def on_crm(batch: Batch, tx: Tx) -> None:
    """Where contacts stand with the connected systems."""
    kept = await _without_fenced(
        tx, batch, lambda body: [body.contact] if isinstance(body, CrmStateChanged) else []
    )
    states: dict[tuple[str, ...], Row] = {}
    connections: dict[tuple[str, ...], Row] = {}
    for received in kept:
        body = received.body
        row = body.model_dump(mode="json") | {"sequence": received.sequence}
        if isinstance(body, CrmStateChanged):
            states[body.space, body.contact, body.connection] = row
        elif isinstance(body, CrmConnectionChanged):
            connections[body.space, body.connection] = row
    if states:
        await crm.upsert_crm_states(tx, [row for _, row in sorted(states.items())])
    if connections:
        await crm.upsert_crm_connections(tx, [row for _, row in sorted(connections.items())])


async def _without_fenced(
    tx: Tx, batch: Batch, named: Callable[[Any], Sequence[str]]
) -> list[Received[Any]]:
    """The batch without what names an erased person, which is counted as suppressed."""
    names = {(r.space, record) for r in batch for record in named(r.body)}
    fenced = await interactions.find_fenced(tx, names) if names else set()
    kept = []
    for received in batch:
        if any((received.space, record) in fenced for record in named(received.body)):
            tx.suppress(received)
        else:
            kept.append(received)
    return kept


def _named_by_change(body: Any) -> Sequence[str]:
    if isinstance(body, ContactChanged):
        return [body.snapshot.contact]
    return []


async def _save_changes(tx: Tx, changed: Sequence[Received[ContactChanged]]) -> None:
    if not changed:
        return
    folded = fold_changes(Change(r.body, r.sequence, r.appended_at) for r in changed)
    if folded.left:
        left = [(space, record, *rest) for (space, record), rest in folded.left.items()]
        await contacts.release_records(tx, left)
    await contacts.upsert_records(tx, folded.records.values())
    taken = await contacts.upsert_contacts(tx, folded.contacts.values())
    await contacts.upsert_seen(tx, taken)
    await contacts.upsert_profiles(tx, folded.profiles.values())
    await contacts.mark_stood(tx, folded.contacts)
    moved: set[Place] = {*folded.records, *folded.left}
    await contacts.delete_absorbed(tx, moved)
    await contacts.raise_last_seen(tx, folded.records)
    if folded.left_behind:
        await contacts.sum_last_seen(tx, folded.left_behind)


async def _save_endings(tx: Tx, batch: Batch) -> None:
    """Contacts that are none any more: absorbed by a merge, or erased."""
    ended: dict[Place, int] = {}
    fences: set[tuple[str, str, str]] = set()
    for received in batch:
        match received.body:
            case ContactsMerged(absorbed=ids):
                ended |= {(received.space, contact): received.sequence for contact in ids}
            case ContactErased(contact=contact, ids=ids, erasure=erasure):
                ended[received.space, contact] = received.sequence
                fences |= {(received.space, id_, erasure) for id_ in (contact, *ids)}
    if ended:
        await contacts.delete_contacts(tx, [(*place, seq) for place, seq in ended.items()])
    if fences:
        await erasures.insert_fences_of_ids(tx, fences)


async def _save_journal(tx: Tx, batch: Batch) -> None:
    rows = [_merge_row(r.body) for r in batch if isinstance(r.body, ContactsMerged)]
    undone = [
        (r.body.space, merge, r.body.at)
        for r in batch
        if isinstance(r.body, ContactSplit)
        for merge in (r.body.undone, *r.body.undone_too)
        if merge is not None
    ]
    if rows:
        await merges.insert_merges(tx, rows)
    if undone:
        await merges.mark_undone(tx, undone)


async def _save_holds(tx: Tx, batch: Batch) -> None:
    held = [
        (b.space, b.hold, b.reason, b.contacts, b.at)
        for b in (r.body for r in batch)
        if isinstance(b, ContactsHeld)
    ]
    released = [
        (b.space, b.hold, b.at) for b in (r.body for r in batch) if isinstance(b, ContactsReleased)
    ]
    if held:
        await holds.upsert_holds(tx, held)
    if released:
        await holds.mark_released(tx, released)


def _merge_row(merged: ContactsMerged) -> Row:
    row = merged.model_dump(mode="json", exclude={"into"})
    return row | {"into_contact": merged.into}


def _settled_row(settled: CommandSettled) -> Row:
    return settled.model_dump(mode="json", exclude={"version"})
