"""The blobs that a batch touches, whole, in one set of queries."""

from collections.abc import Callable, Collection, Iterable, Mapping

import orjson

from merge_resolver import store
from merge_resolver.domain.bodies import decision_of, fact_of
from merge_resolver.domain.facts import Identifier
from merge_resolver.domain.rules import Rules
from merge_resolver.domain.separations import Merged
from merge_resolver.domain.working import Blob, Book, StoredContact, StoredRecord
from service_kit.tx import Tx

Wanted = tuple[str, str, str]
"""Space, kind (record, unit or an identifier's type) and value."""
RulesOf = Callable[[str], Rules]


async def find_merges(tx: Tx, named: Collection[store.Key]) -> dict[store.Key, Merged]:
    """The sides as they were when these merges, or these operators' links, joined them."""
    found: dict[store.Key, Merged] = {}
    for row in await store.find_merges(tx, named):
        undone = row["undone_at"] is not None
        merged = Merged(row["merge"], orjson.loads(row["sides"]), row["link"], undone)
        found[row["space"], row["name"]] = merged
    return found


async def load(
    tx: Tx,
    rules_of: RulesOf,
    spaces: Iterable[str],
    wanted: Collection[Wanted],
    fenced: Collection[store.Key] = (),
) -> dict[str, Book]:
    """A book for each space, with everything that these names lead to."""
    books = {space: Book(space, rules_of(space)) for space in spaces}
    for space, record in fenced:
        books[space].fenced.add(record)
    found = await store.find_blobs(tx, wanted)
    blobs = await _load(tx, books, {(row["space"], row["blob"]) for row in found})
    for row in found:
        name = (row["kind"], row["value"])
        books[row["space"]].put(name, blobs[row["space"], row["blob"]])
    await _decide(tx, books, blobs, wanted)
    return books


async def load_blobs(tx: Tx, rules_of: RulesOf, space: str, names: Collection[str]) -> Book:
    """A book with these blobs."""
    books = {space: Book(space, rules_of(space))}
    blobs = await _load(tx, books, {(space, name) for name in names})
    await _decide(tx, books, blobs, ())
    return books[space]


async def _load(
    tx: Tx, books: dict[str, Book], named: Collection[store.Key]
) -> dict[store.Key, Blob]:
    """The blobs, whole, each found by its records."""
    keys = sorted(named)
    blobs = {key: Blob(*key, books[key[0]].rules) for key in keys}
    for row in await store.list_records(tx, keys):
        blob = blobs[row["space"], row["blob"]]
        record = row["record"]
        blob.records[record] = StoredRecord(row["unit"], row["contact"], row["verified_at"])
        blob.held = row["held"]
        if row["fenced"]:
            blob.fenced.add(record)
        books[row["space"]].put(("record", record), blob)
    for row in await store.list_facts(tx, keys):
        fact = fact_of(row["fact"], row["kind"], row["record"], row["t"], orjson.loads(row["body"]))
        blobs[row["space"], row["blob"]].facts[fact.id] = fact
    for row in await store.list_contacts(tx, keys):
        blobs[row["space"], row["blob"]].contacts[row["contact"]] = StoredContact(
            row["version"], row["set_version"], row["snapshot"]
        )
    return blobs


async def _decide(
    tx: Tx,
    books: dict[str, Book],
    blobs: Mapping[store.Key, Blob],
    wanted: Collection[Wanted],
) -> None:
    """What was decided about the identifiers of these blobs, and of those that the batch names."""
    if not blobs and not wanted:
        return
    for row in await store.list_decisions(tx, blobs, wanted):
        one = Identifier(row["type"], row["key"])
        fact = decision_of(row["fact"], row["kind"], one, row["t"])
        books[row["space"]].know(fact, blobs.get((row["space"], row["blob"])))
