"""Steps 4 to 8 on one blob: the fast path, or cell by cell, or as a whole where decisions reach."""

from collections.abc import Sequence

from merge_resolver.domain.cells import Cells
from merge_resolver.domain.contacts import Contact, contacts_of, plain_contact
from merge_resolver.domain.plain import is_one_contact
from merge_resolver.domain.records import Kept, Record
from merge_resolver.domain.resolution import evaluate_records
from merge_resolver.domain.rules import Rules


def find_contacts(records: Sequence[Record], kept: Kept, rules: Rules) -> list[Contact]:
    """Of folded records, sorted by id. The contacts are sorted by id too."""
    if not records:
        return []
    if kept.holds_decisions or any(len(one.users) > 1 for one in records):
        return contacts_of(evaluate_records(records, kept, rules), kept.links)
    if not kept.blocked and is_one_contact(records, rules):
        return [plain_contact(records, rules)]
    cells = Cells(rules, kept.blocked)
    cells.put(records)
    return sorted(cells.contacts(), key=lambda contact: contact.id)
