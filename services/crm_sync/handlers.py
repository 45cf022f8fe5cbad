"""What `crm_sync` makes of each stream: load, decide, save, emit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from contact_schema.changes import (
    ContactChanged,
    ContactCreated,
    ContactErased,
    ContactsMerged,
    ContactSplit,
)
from contact_schema.commands import ResyncContact
from contact_schema.erasure import EraseRecords, FenceRecords, SliceErased, SliceFenced
from crm_sync import store
from crm_sync.domain.links import Connection, LinkPlan, LocalContact, plan_links, state_of
from crm_sync.domain.profile import DEFAULT_FIELD_MAP, fields_of
from crm_sync.domain.reasons import SENTENCES
from crm_sync.domain.receiving import Change, Folded, Key, fold_changes
from service_kit.tx import Batch, Received, Tx

SLICE: Final = "crm_sync"


async def on_changes(batch: Batch, tx: Tx, *, settling: float) -> None:
    """Keep the values that a connection maps, and plan the links of every contact that changed."""
    spaces = {received.space for received in batch}
    await store.share_spaces(tx, spaces)
    fenced = await store.find_fenced(tx, _records_in(batch))
    kept = [received for received in batch if _contact_of(received) not in fenced]
    for received in batch:
        if _contact_of(received) in fenced:
            tx.suppress(received)
    folded = fold_changes(_changes_in(kept), fenced)
    if not folded.touched and not folded.gone and not folded.held and not folded.left:
        return
    rows = await store.list_connections(tx, spaces)
    connections = [row.plan() for row in rows]
    before = {(c.space, c.contact): c for c in await store.find_contacts(tx, folded.touched)}
    now = {**before, **_local(folded, connections)}

    await store.delete_contacts(tx, folded.gone)
    await store.upsert_contacts(tx, [now[key] for key in folded.snapshots])
    await store.delete_records(tx, folded.left)
    await store.upsert_records(tx, folded.held)
    if not connections:
        return
    links = await store.lock_links(tx, folded.touched)
    changed = {key for key in folded.snapshots if _fields(before, key) != now[key].fields}
    present = [now[key] for key in sorted(folded.touched) if key in now]

    plan = plan_links(connections, present, links, changed)

    await _save(tx, plan, connections, settling, _causes(kept))


async def on_commands(batch: Batch, tx: Tx, *, settling: float) -> None:
    """A person wants contacts compared afresh, at once."""
    orders = [received for received in batch if isinstance(received.body, ResyncContact)]
    spaces = {order.space for order in orders}
    await store.share_spaces(tx, spaces)
    ids = {(order.space, order.body.contact) for order in orders}
    # Any id that the contact ever had is good enough
    holders = {key: (key[0], key[1]) for key in ids}
    found = await store.find_holders(tx, ids)
    holders.update({key: (key[0], contact) for key, contact in found.items()})
    fenced = await store.find_fenced(tx, set(holders.values()))
    wanted: dict[Key, Received[Any]] = {}
    for order in orders:
        key = holders[order.space, order.body.contact]
        if key in fenced:
            tx.suppress(order)
        else:
            wanted[key] = order
    connections = [row.plan() for row in await store.list_connections(tx, spaces)]
    contacts = await store.find_contacts(tx, wanted)
    links = await store.lock_links(tx, wanted)
    forced = {
        (*key, connection.connection)
        for key, order in wanted.items()
        for connection in connections
        if order.body.connection in (None, connection.connection)
    }

    plan = plan_links(connections, contacts, links, changed=(), forced=forced)

    await _save(tx, plan, connections, settling, wanted)


async def on_erasure(batch: Batch, tx: Tx) -> None:
    """The fence holds in this transaction; erasing takes calls, so it is only begun here."""
    await store.lock_spaces(tx, {received.space for received in batch})
    fences = [r.body for r in batch if isinstance(r.body, FenceRecords)]
    orders = [r.body for r in batch if isinstance(r.body, EraseRecords)]
    if fences:
        fenced = {
            (fence.space, record): (fence.erasure, fence.fenced_at)
            for fence in fences
            for record in fence.records
        }
        await store.insert_fenced(tx, fenced)
        await store.mark_links_fenced(tx, fenced, SENTENCES["erased"])
    if orders:
        await store.insert_erasures(tx, [_open(order) for order in orders])
    receipts = await store.find_receipts(tx, {(o.space, o.erasure) for o in orders})
    by_erasure = {(receipt.space, receipt.erasure): receipt for receipt in receipts}
    for received in batch:
        match received.body:
            case FenceRecords() as fence:
                answer = SliceFenced(
                    space=fence.space,
                    erasure=fence.erasure,
                    slice=SLICE,
                    ledger_no=fence.ledger_no,
                )
                tx.emit(answer, cause=received)
            case EraseRecords() as order if (order.space, order.erasure) in by_erasure:
                tx.emit(receipt_of(by_erasure[order.space, order.erasure]), cause=received)


def receipt_of(receipt: store.Receipt) -> SliceErased:
    """A second run repeats the first receipt."""
    return SliceErased(
        space=receipt.space,
        erasure=receipt.erasure,
        slice=SLICE,
        ledger_no=receipt.ledger_no,
        counts=dict(receipt.counts),
        left=0,
        at=receipt.erased_at,
    )


async def _save(
    tx: Tx,
    plan: LinkPlan,
    connections: Sequence[Connection],
    settling: float,
    causes: Mapping[Key, Received[Any]],
) -> None:
    await store.delete_links(tx, plan.dropped)
    await store.upsert_links(tx, plan.saved, settling)
    by_id = {(c.space, c.connection): c for c in connections}
    for link in plan.told:
        cause = causes[link.space, link.contact]
        connection = by_id[link.space, link.connection]
        tx.emit(state_of(link, connection, cause.appended_at), cause=cause)


def _local(folded: Folded, connections: Iterable[Connection]) -> dict[Key, LocalContact]:
    """Only what some connection of the space maps is kept; the defaults, for one to come."""
    wanted: dict[str, set[str]] = {}
    for connection in connections:
        wanted.setdefault(connection.space, set()).update(connection.field_map)
    return {
        key: LocalContact(
            key[0],
            key[1],
            snapshot.kind,
            version,
            fields_of(snapshot, wanted.get(key[0], set()) | set(DEFAULT_FIELD_MAP)),
        )
        for key, (snapshot, version) in folded.snapshots.items()
    }


def _changes_in(batch: Iterable[Received[Any]]) -> Iterable[tuple[Change, int]]:
    for received in batch:
        body = received.body
        if isinstance(body, ContactChanged | ContactsMerged | ContactSplit | ContactErased):
            yield body, received.sequence


def _contact_of(received: Received[Any]) -> Key | None:
    """The contact that a message would change: what is merged into or erased concerns no values."""
    match received.body:
        case ContactChanged() as changed:
            return received.space, changed.snapshot.contact
        case ContactCreated() as created:
            return received.space, created.contact
    return None


def _records_in(batch: Batch) -> set[Key]:
    named = {key for received in batch if (key := _contact_of(received)) is not None}
    for received in batch:
        if isinstance(received.body, ContactChanged):
            named.update((received.space, one.record) for one in received.body.joined)
    return named


def _fields(contacts: Mapping[Key, LocalContact], key: Key) -> Mapping[str, str] | None:
    found = contacts.get(key)
    return None if found is None else found.fields


def _causes(batch: Iterable[Received[Any]]) -> dict[Key, Received[Any]]:
    causes: dict[Key, Received[Any]] = {}
    for received in batch:
        match received.body:
            case ContactSplit() as split:
                causes.update({(received.space, part): received for part in split.parts})
            case ContactsMerged() as merged:
                causes[received.space, merged.into] = received
        if (contact := _contact_of(received)) is not None:
            causes[contact] = received
    return causes


def _open(order: EraseRecords) -> dict[str, Any]:
    return {
        "space": order.space,
        "erasure": order.erasure,
        "ledger_no": order.ledger_no,
        "records": list(order.records),
    }
