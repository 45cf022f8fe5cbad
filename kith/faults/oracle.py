"""Compares the ledger with what each slice has and with what the API shows."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from kith.faults import contacts
from kith.faults.calls import client
from kith.faults.ledger import Ledger, Sent
from kith.faults.load import Agent
from kith.stack.configuration import SERVICES
from merge_resolver.domain import Rules
from service_kit.sql import load_queries

QUERIES = load_queries(Path(__file__).with_name("oracle.sql"))
_PAGE = 200


@dataclass(frozen=True)
class Findings:
    """Markers, or names of contacts. All empty is what must be."""

    lost: Sequence[str] = ()
    doubled: Sequence[str] = ()
    out_of_order: Sequence[str] = ()
    phantoms: Sequence[str] = ()
    """Accepted by the door, and never sent, or answered with a failure."""
    wrong_contacts: Sequence[str] = ()
    left_over: Sequence[str] = ()
    """Of people who were erased, and still shown."""
    unexplained: int = 0
    """Accepted and in none of the four endings: applied, rejected, dead-lettered, suppressed."""

    @property
    def clean(self) -> bool:
        return not (
            self.lost
            or self.doubled
            or self.out_of_order
            or self.phantoms
            or self.wrong_contacts
            or self.left_over
            or self.unexplained
        )


async def prepare(dsn: str) -> None:
    """Once: the log that sees what idempotent effects hide."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(Path(__file__).with_name("applied_log.sql").read_text("utf-8"))
    finally:
        await connection.close()


async def last_applied(dsn: str) -> int:
    """Number of the last write in that log."""
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(QUERIES.get_last_applied.text))
    finally:
        await connection.close()


async def compare(
    dsn: str,
    api: str,
    ledger: Ledger,
    agents: Sequence[Agent],
    people: Iterable[Sent],
    since: int = 0,
) -> Findings:
    """On a stack at rest, of these agents. `people` are those whose timelines are read through
    the API too; `since` is a number of `last_applied` from before these agents came.
    """
    if ledger.open:
        raise RuntimeError("the load is still waiting for answers")
    shown = await _shown_by_api(api, agents, people)
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(QUERIES.list_timeline.text, [a.space for a in agents])
        entries = {row["event_id"]: row["entries"] for row in rows}
        applied = await connection.fetch(QUERIES.list_applied.text, since)
        accepted = await connection.fetch(QUERIES.list_accepted.text, [a.id for a in agents])
        letters = await dead_letters(connection)
        wrong = [one for a in agents for one in await _wrong_contacts(connection, a.space)]
    finally:
        await connection.close()
    named = {agent.id: agent for agent in agents}
    sent = {m: s for m, s in (ledger.accepted | ledger.erased).items() if s.agent in named}
    known = sent.keys() & ledger.accepted.keys()
    known_ids = {named[s.agent].door_id(s.marker): s.marker for s in sent.values()}
    by_door = {known_ids.get(row["event"], row["event"]) for row in accepted}
    by_door -= ledger.erased.keys()
    not_kept = known - by_door - ledger.forgotten
    visible = set(entries)
    return Findings(
        lost=sorted((known - visible) | not_kept | _unseen(people, shown)),
        doubled=doubled(entries, applied, shown),
        out_of_order=out_of_order(applied, ledger.accepted),
        phantoms=sorted(by_door - known),
        wrong_contacts=wrong,
        left_over=sorted((visible | set(shown)) & ledger.erased.keys()),
        unexplained=len(by_door) - len(visible & by_door) - (letters - ledger.bad_records),
    )


def doubled(entries: Mapping[str, int], applied: Iterable[Any], shown: Counter[str]) -> list[str]:
    """What any reader saw twice, or any slice wrote twice."""
    written = Counter((row["slice"], row["name"]) for row in applied)
    twice = {name for (_, name), times in written.items() if times > 1}
    twice |= {marker for marker, rows in entries.items() if rows > 1}
    twice |= {marker for marker, times in shown.items() if times > 1}
    return sorted(twice)


def out_of_order(applied: Iterable[Any], accepted: Mapping[str, Sent]) -> list[str]:
    """Events that the read side wrote in an earlier transaction than one sent before them."""
    seen: dict[str, tuple[int, str]] = {}
    wrong = []
    for row in applied:
        sent = accepted.get(row["name"]) if row["slice"] == "contacts_api" else None
        if sent is None:
            continue
        number, transaction = seen.get(sent.person, (0, ""))
        # Rows of one transaction become visible together, in whatever order it wrote them.
        if sent.number < number and transaction != row["transaction"]:
            wrong.append(sent.marker)
        if sent.number > number:
            seen[sent.person] = (sent.number, row["transaction"])
    return wrong


def _unseen(people: Iterable[Sent], shown: Counter[str]) -> set[str]:
    return {sent.marker for sent in people} - set(shown)


async def _shown_by_api(api: str, agents: Sequence[Agent], people: Iterable[Sent]) -> Counter[str]:
    """How often each of these events stands in a timeline, as anybody reads it."""
    wanted: dict[str, set[str]] = {}
    for sent in people:
        wanted.setdefault(sent.agent, set()).add(sent.person)
    found: Counter[str] = Counter()
    asked = [agent for agent in agents if agent.id in wanted]
    await asyncio.gather(*(_read_space(api, one, wanted[one.id], found) for one in asked))
    return found


async def _read_space(api: str, agent: Agent, people: set[str], found: Counter[str]) -> None:
    read: set[str] = set()
    async with client(api, agent.key, timeout=15) as caller:
        for person in sorted(people):
            answer = await caller.get("/v1/contacts", params={"conversation_id": person})
            for contact in answer.raise_for_status().json()["data"]:
                if contact["id"] not in read:
                    read.add(contact["id"])
                    await _read_timeline(caller, contact["id"], found)


async def _read_timeline(caller: httpx.AsyncClient, contact: str, found: Counter[str]) -> None:
    cursor: str | None = ""
    while cursor is not None:
        query: dict[str, str | int] = {"limit": _PAGE, **({"cursor": cursor} if cursor else {})}
        answer = await caller.get(f"/v1/contacts/{contact}/timeline", params=query)
        page = answer.raise_for_status().json()
        found.update(events_of(page["data"]))
        cursor = page["next_cursor"]


def events_of(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Without notes and merges, which no event made."""
    return [entry["event_id"] for entry in entries if entry["event_id"] is not None]


async def dead_letters(connection: asyncpg.Connection) -> int:
    """How many all services together have."""
    total = 0
    for service in SERVICES:
        await connection.execute("SELECT set_config('search_path', $1, false)", service)
        total += await connection.fetchval("SELECT count(*) FROM dead_letters")
    await connection.execute("RESET search_path")
    return total


async def _wrong_contacts(connection: asyncpg.Connection, space: str) -> list[str]:
    wanted = contacts.defined(await connection.fetch(QUERIES.list_facts.text, space), Rules())
    wrong: set[str] = set()
    for query in (QUERIES.list_resolved, QUERIES.list_shown):
        found = contacts.stored(await connection.fetch(query.text, space))
        wrong.update(contacts.differing(wanted, found))
    return sorted(wrong)
