"""The function from scratch, and the engine as the service runs it, without its database."""

from collections.abc import Sequence
from typing import Final

from kith.bench.resolve.linkers import Groups
from merge_resolver.domain import Rules, resolve
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.working import Book

BATCH: Final = 1_000


def from_scratch(facts: Sequence[Observe]) -> Groups:
    return {
        record.id: contact.id for contact in resolve(facts, Rules()) for record in contact.records
    }


def in_batches(facts: Sequence[Observe], size: int = BATCH) -> Groups:
    """Batch by batch: take the facts in, then find the contacts of each blob that was touched."""
    book = Book("space", Rules())
    for start in range(0, len(facts), size):
        touched = {blob for fact in facts[start : start + size] if (blob := book.hear(fact))}
        for blob in touched:
            if blob.into is None:
                blob.current()
    return {
        record.id: contact.id
        for blob in book.blobs()
        for contact in blob.current()
        for record in contact.records
    }
