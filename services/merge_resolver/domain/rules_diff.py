"""What other rules would make of the same facts: what would merge, split or look different."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.rules import Rules
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.domain.working import Blob

EXAMPLES: Final = 20


@dataclass(slots=True)
class RulesDiff:
    """Counts over all blobs, and the first examples by contact id."""

    contacts_now: int = 0
    contacts_then: int = 0
    merges: int = 0
    splits: int = 0
    changed: int = 0
    """Contacts of the same records that would look different."""
    merged_examples: list[list[str]] = field(default_factory=list)
    split_examples: list[list[str]] = field(default_factory=list)
    """The contact first, then those that its records would be in."""

    def add(self, blob: Blob, rules: Rules) -> None:
        """Evaluate a blob under both. It is left under the new ones: nobody else may use it."""
        now = {one.id: (one, snapshot_of(one, blob.rules)) for one in blob.current()}
        blob.rules = rules
        blob.stir()
        then = blob.current()
        home_now = _homes(one for one, _ in now.values())
        home_then = _homes(then)
        self.contacts_now += len(now)
        self.contacts_then += len(then)
        for contact in then:
            came = sorted({home_now[r.id] for r in contact.records if r.id in home_now})
            before = now.get(contact.id)
            if len(came) > 1:
                self.merges += 1
                _keep(self.merged_examples, came)
            elif before is not None and _records(before[0]) == _records(contact):
                self.changed += before[1] != snapshot_of(contact, rules)
        for name, (contact, _) in now.items():
            parts = sorted({home_then[r.id] for r in contact.records if r.id in home_then})
            if len(parts) > 1:
                self.splits += 1
                _keep(self.split_examples, [name, *parts])


def _homes(contacts: Iterable[Contact]) -> dict[str, str]:
    return {record.id: one.id for one in contacts for record in one.records}


def _records(contact: Contact) -> set[str]:
    return {record.id for record in contact.records}


def _keep(examples: list[list[str]], ids: list[str]) -> None:
    if len(examples) < EXAMPLES:
        examples.append(ids)
