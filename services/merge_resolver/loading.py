"""The blobs that a batch touches, whole, in one set of queries."""

from collections.abc import Callable, Collection, Iterable

import orjson

from merge_resolver import store
from merge_resolver.domain.bodies import fact_of
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
    keys = sorted({(row["space"], row["blob"]) for row in found})
    blobs = {key: Blob(*key, books[key[0]].rules) for key in keys}
    for row in await store.list_records(tx, keys):
        blob = blobs[row["space"], row["blob"]]
        record = row["record"]
        blob.records[record] = StoredRecord(row["unit"], row["contact"], row["verified_at"])
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
    for row in found:
        name = (row["kind"], row["value"])
        books[row["space"]].put(name, blobs[row["space"], row["blob"]])
    return books
