"""The parts of a blob that can meet: what its identifiers that link nobody hold together is apart.

A kiosk or a junk address ties thousands of strangers into one blob. Step 4 says that it links none
of them, and more facts never make it link again. So each cell is decided for itself, and an event
re-evaluates its own cell only.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from merge_resolver.domain.contacts import Contact, contacts_of, plain_contact
from merge_resolver.domain.facts import TYPED, Identifier
from merge_resolver.domain.modes import Mode, Standing
from merge_resolver.domain.plain import is_one_contact
from merge_resolver.domain.records import Kept, Record
from merge_resolver.domain.resolution import evaluate_records
from merge_resolver.domain.rules import Rules


@dataclass(slots=True, eq=False)
class Cell:
    records: dict[str, Record] = field(default_factory=dict)
    contacts: list[Contact] | None = None
    """None while it is to be evaluated."""


class Cells:
    """Of records without links, separations and releases, each with one user id at most. Between
    them nothing is accepted and nothing is suggested.
    """

    def __init__(self, rules: Rules, blocked: Collection[Identifier] = ()) -> None:
        self._rules = rules
        self._kept = Kept(blocked=set(blocked))
        self._cell_of: dict[str, Cell] = {}
        self._standings: dict[Identifier, Standing] = {}
        self._modes: dict[Identifier, Mode] = dict.fromkeys(blocked, Mode.BLOCKED)
        """Of those that are not live."""
        self._tied_by: dict[Identifier | str, str] = {}
        """A record that this identifier, or unit, ties; whoever it ties is in the same cell."""
        self._cells: dict[Cell, None] = {}

    def put(self, records: Iterable[Record]) -> None:
        """New ones, or with more in them than before."""
        changed = list(records)
        for record in changed:
            cell = self._cell_of.get(record.id)
            if cell is None:
                cell = self._cell_of[record.id] = Cell()
                self._cells[cell] = None
            cell.records[record.id] = record
            cell.contacts = None
        for stopped in [one for record in changed for one in self._stopped_by(record)]:
            self._tear(stopped)
        for record in changed:
            self._tie(record)

    def _stopped_by(self, record: Record) -> Iterable[Identifier]:
        """Identifiers that were live, or trusted, until this record had them too."""
        for one in record.claims:
            before = self._modes.get(one, Mode.LIVE)
            if before in (Mode.BLOCKED, Mode.DEAD) or one.type == "user":
                continue
            standing = self._standings.get(one)
            if standing is None:
                standing = self._standings[one] = Standing()
            standing.learn(one, record, self._rules)
            mode = standing.mode(one, self._rules)
            if mode is not before:
                self._modes[one] = mode
                yield one

    def _tear(self, one: Identifier) -> None:
        """What it held together is to be tied anew without it."""
        held = self._tied_by.pop(one, None)
        if held is None:
            return
        torn = self._cell_of[held]
        del self._cells[torn]
        ties = {tie for record in torn.records.values() for tie in (*record.claims, record.unit)}
        for tie in ties:
            # A trusted one may hold others together, elsewhere.
            if tie in self._tied_by and self._cell_of[self._tied_by[tie]] is torn:
                del self._tied_by[tie]
        for name, record in torn.records.items():
            cell = self._cell_of[name] = Cell({name: record})
            self._cells[cell] = None
        for record in torn.records.values():
            self._tie(record)

    def _tie(self, record: Record) -> None:
        self._tie_by(record.unit, record)
        for one, claim in record.claims.items():
            mode = self._modes.get(one, Mode.LIVE)
            if mode is Mode.LIVE or (mode is Mode.TRUSTED_ONLY and claim.proof > TYPED):
                self._tie_by(one, record)

    def _tie_by(self, tie: Identifier | str, record: Record) -> None:
        other = self._tied_by.setdefault(tie, record.id)
        left, right = self._cell_of[record.id], self._cell_of[other]
        if left is right:
            return
        if len(left.records) < len(right.records):
            left, right = right, left
        left.records |= right.records
        left.contacts = None
        for name in right.records:
            self._cell_of[name] = left
        del self._cells[right]

    def contacts(self) -> list[Contact]:
        """Of all cells, in no order."""
        found: list[Contact] = []
        for cell in self._cells:
            if cell.contacts is None:
                cell.contacts = self._evaluate(cell)
            found += cell.contacts
        return found

    def _evaluate(self, cell: Cell) -> list[Contact]:
        records = [cell.records[name] for name in sorted(cell.records)]
        if is_one_contact(records, self._rules, self._modes):
            return [plain_contact(records, self._rules)]
        return contacts_of(evaluate_records(records, self._kept, self._rules, self._modes), ())
