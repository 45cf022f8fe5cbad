"""The internal door: why, why not, what if and previews, which read only; holds, and their release.
Opened by the service token.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from contact_schema.commands import (
    BlockIdentifier,
    LinkRecords,
    ReleaseIdentifier,
    RetractFacts,
    RevokeProof,
    SeparateRecords,
)
from contact_schema.settings import AgentSettings, Policies
from merge_resolver import store
from merge_resolver.domain import explanations
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.previews import (
    AboutIdentifier,
    preview_about_identifier,
    preview_merge,
    preview_undo,
)
from merge_resolver.domain.rules_diff import RulesDiff
from merge_resolver.domain.separations import records_in
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.domain.working import Blob, Book
from merge_resolver.handlers import Streams
from merge_resolver.loading import Wanted, find_merges, load, load_blobs
from merge_resolver.releasing import release
from merge_resolver.rulebook import Rulebook, rules_under
from service_kit.http import require_service_token
from service_kit.problems import FieldError, Problem, field_errors
from service_kit.replica import Replica
from service_kit.service import Runtime
from service_kit.tx import Tx

router = APIRouter(
    prefix="/internal/v1", tags=["internal"], dependencies=[Depends(require_service_token)]
)

Json = dict[str, Any]
BLOBS_AT_ONCE = 500
Id = Annotated[str, Query(min_length=1, max_length=128)]


@dataclass(frozen=True)
class State:
    """The service's own object, which routes ask."""

    rulebook: Rulebook
    agents: Replica[AgentSettings]
    streams: Streams


class NewRules(BaseModel):
    """Policies of an agent as they might be; those that are not named stay."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    agent: str
    policies: dict[str, Any]


@router.get("/contacts/{contact}/why")
async def why(
    request: Request,
    contact: str,
    space: Id,
    other: Id | None = None,
    without: Annotated[list[str] | None, Query(max_length=20)] = None,
) -> Json:
    """Why it is one; with ``other`` (a contact or a record), why these two are, or why not."""
    async with _reading(request, space) as tx:
        book = await _book(request, tx, space, [contact, *([other] if other else [])])
    blob, here = _found(book, contact)
    if other is None:
        return explanations.why(blob, here, None, without or ())
    there_blob, there = _found(book, other, "other")
    if there.id == here.id:
        return explanations.why(blob, here, other, without or ())
    if there_blob is not blob:
        return explanations.nothing_between()
    return explanations.why_not(blob, here, there)


@router.get("/contacts/{contact}/suggestions")
async def suggestions(request: Request, contact: str, space: Id) -> Json:
    """Who may be the same person, by evidence that was refused."""
    async with _reading(request, space) as tx:
        book = await _book(request, tx, space, [contact])
    return explanations.suggestions_of(*_found(book, contact))


@router.post("/previews/merge")
async def preview_a_merge(request: Request, order: LinkRecords) -> Json:
    """What this order would do, and what stands in its way."""
    async with _reading(request, order.space) as tx:
        book = await _book(request, tx, order.space, [order.left, order.right])
    left, right = _found(book, order.left)[1], _found(book, order.right, "into")[1]
    found = preview_merge(book, order, left, right)
    return {
        "snapshot": None
        if found.blob is None or found.contact is None
        else _snapshot(found.blob, found.contact),
        "fields": found.fields,
        "blocked_by": found.blocked_by,
        "will_also": found.will_also,
    }


@router.post("/previews/separation")
async def preview_a_separation(request: Request, order: SeparateRecords) -> Json:
    """The contacts that the undo of a merge would leave, and who would keep what they share."""
    return await _preview_undo(request, order, order.merge or "")


@router.post("/previews/retraction")
async def preview_a_retraction(request: Request, order: RetractFacts) -> Json:
    """The same of a merge that somebody ordered."""
    return await _preview_undo(request, order, order.facts[0] if order.facts else "")


async def _preview_undo(request: Request, order: RetractFacts | SeparateRecords, name: str) -> Json:
    place = (order.space, name)
    async with _reading(request, order.space) as tx:
        merged = (await find_merges(tx, {place})).get(place)
        if merged is None:
            raise _absent()
        book = await _book(request, tx, order.space, records_in(merged.sides))
    found = preview_undo(book, order, merged)
    return {
        "contacts": [_snapshot(blob, contact) for blob, contact in found.contacts],
        "shared": found.shared,
        "blocked_by": found.blocked_by,
        "will_also": found.will_also,
    }


@router.post("/previews/block")
async def preview_a_block(request: Request, order: BlockIdentifier) -> Json:
    """Which contacts would look different, or come apart, if this identifier linked nobody."""
    one = order.identifier
    return await _preview_about(request, order, {(order.space, one.type, one.key)})


@router.post("/previews/release")
async def preview_a_release(request: Request, order: ReleaseIdentifier) -> Json:
    """The same, if it changed hands at this time."""
    one = order.identifier
    return await _preview_about(request, order, {(order.space, one.type, one.key)})


@router.post("/previews/revocation")
async def preview_a_revocation(request: Request, order: RevokeProof) -> Json:
    """The same, if proofs of these user ids counted as typed."""
    users = {(order.space, "user", user) for user in order.users}
    return await _preview_about(request, order, {*users, (order.space, "record", order.contact)})


async def _preview_about(request: Request, order: AboutIdentifier, wanted: set[Wanted]) -> Json:
    async with _reading(request, order.space) as tx:
        book = await _load(request, tx, order.space, wanted)
    found = preview_about_identifier(book, order)
    return {
        "contacts": [_snapshot(blob, contact) for blob, contact in found.contacts],
        "splits": found.splits,
        "blocked_by": found.blocked_by,
    }


@router.post("/previews/policies")
async def preview_policies(request: Request, wanted: NewRules) -> Json:
    """What a change of policies would merge and split, over the whole space."""
    state: State = request.app.state.service_state
    agent = state.agents.get(wanted.agent)
    if agent is None:
        raise _absent()
    found = RulesDiff()
    async with _reading(request, agent.space) as tx:
        state.rulebook.note(await store.list_policies(tx, [agent.space]))
        now = state.rulebook.policies(agent.space) or agent.policies
        then = _changed(now, wanted.policies)
        rules, after = rules_under(then), ""
        while names := await store.list_blobs(tx, agent.space, after, BLOBS_AT_ONCE):
            book = await load_blobs(tx, state.rulebook.of, agent.space, names)
            for blob in book.blobs():
                found.add(blob, rules)
            after = names[-1]
            await asyncio.sleep(0)
    return {"space": agent.space, **asdict(found)}


def _changed(policies: Policies, changes: Json) -> Policies:
    """Raises Problem 422 naming what is wrong."""
    unknown = [name for name in changes if name not in Policies.model_fields]
    errors = [
        FieldError(f"/policies/{name[:64]}", "unknown-field", "No policy.") for name in unknown
    ]
    if not errors:
        try:
            return Policies.model_validate(policies.model_dump() | changes)
        except ValidationError as error:
            errors = field_errors(error)
    raise Problem(422, "invalid", "Some fields are not valid.", errors=errors)


@router.get("/holds")
async def list_holds(request: Request) -> Json:
    """What is held back from CRM and webhooks until somebody has looked, the oldest first."""
    runtime: Runtime = request.app.state.runtime
    async with runtime.transaction() as tx:
        rows = await store.list_holds(tx)
    return {"data": [{**row, "held_at": row["held_at"].isoformat()} for row in rows]}


@router.post("/holds/{hold}/release")
async def release_hold(request: Request, hold: str) -> Json:
    """Tell it outside as it is now. Once: a second call says that it was done before."""
    runtime: Runtime = request.app.state.runtime
    state: State = request.app.state.service_state
    async with runtime.transaction() as tx:
        held = await store.find_hold(tx, hold)
    if held is None:
        raise _absent()
    async with runtime.transaction([held["space"]]) as tx:
        released = await release(tx, state.streams, held["space"], hold)
    return {"id": hold, "released": released}


@asynccontextmanager
async def _reading(request: Request, space: str) -> AsyncIterator[Tx]:
    """One moment of one space."""
    runtime: Runtime = request.app.state.runtime
    async with runtime.transaction() as tx:
        await store.read_only(tx)
        await tx.name_spaces([space])
        yield tx


async def _book(request: Request, tx: Tx, space: str, records: Iterable[str]) -> Book:
    return await _load(request, tx, space, {(space, "record", record) for record in records})


async def _load(request: Request, tx: Tx, space: str, wanted: set[Wanted]) -> Book:
    state: State = request.app.state.service_state
    state.rulebook.note(await store.list_policies(tx, [space]))
    records = {(space, value) for _, kind, value in wanted if kind == "record"}
    fenced = await store.find_fenced(tx, records)
    return (await load(tx, state.rulebook.of, [space], wanted, fenced))[space]


def _found(book: Book, record: str, parameter: str | None = None) -> tuple[Blob, Contact]:
    """Raises Problem 404; 422 for a parameter that leads nowhere."""
    blob = book.find(record)
    contact = blob.contact_with(record) if blob is not None else None
    if blob is not None and contact is not None:
        return blob, contact
    if parameter is None:
        raise _absent()
    error = FieldError(parameter, "invalid", "There is no such contact.")
    raise Problem(422, "invalid", "A parameter is not valid.", errors=[error])


def _absent() -> Problem:
    return Problem(404, "not-found", "There is nothing under this address.")


def _snapshot(blob: Blob, contact: Contact) -> Json:
    return snapshot_of(contact, blob.rules).model_dump(mode="json")
