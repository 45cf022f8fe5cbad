"""What makes one contact: a pure function of facts and decisions.

Read it beside the definition: `records` (steps 1 to 3), `modes` (4), `periods` (5), `edges` (6),
`grouping` (7), `contacts` (8), strung together in `resolution`; `fold` and `snapshot` make the
profile, `blobs` cuts the work into parts that never meet, `plain` knows the parts that need none of
it.
"""

from collections.abc import Iterable

from merge_resolver.domain.blobs import split
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import Fact
from merge_resolver.domain.finding import find_contacts
from merge_resolver.domain.records import Kept, fold_records, keep
from merge_resolver.domain.rules import Rules

__all__ = ["Contact", "Rules", "resolve", "resolve_blob"]


def resolve(facts: Iterable[Fact], rules: Rules) -> list[Contact]:
    """Facts and decisions in, contacts out. Every permutation, repetition and batching of the facts
    gives the same contacts.
    """
    found = [one for blob in split(keep(facts)) for one in resolve_blob(blob, rules)]
    return sorted(found, key=lambda contact: contact.id)


def resolve_blob(kept: Kept, rules: Rules) -> list[Contact]:
    """Steps 2 to 8 on facts that nothing outside of them touches."""
    return find_contacts(fold_records(kept, rules), kept, rules)
