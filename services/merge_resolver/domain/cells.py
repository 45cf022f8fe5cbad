"""The parts of a blob that can meet: what its identifiers that link nobody hold together is apart.

A kiosk or a junk address ties thousands of strangers into one blob. Step 4 says that it links none
of them, and more facts never make it link again. So each cell is decided for itself, and an event
re-evaluates its own cell only.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from merge_resolver.domain.caps import NONE_LATE, LateFrom, earlier, is_late
from merge_resolver.domain.contacts import Contact, contacts_of, plain_contact
from merge_resolver.domain.edges import Edge
from merge_resolver.domain.facts import Identifier
from merge_resolver.domain.modes import Mode, Standing, links
from merge_resolver.domain.plain import is_one_contact
from merge_resolver.domain.records import Kept, Record
from merge_resolver.domain.resolution import evaluate_records
from merge_resolver.domain.rules import RANK_OF, Rules


@dataclass(slots=True, eq=False)
class Cell:
    records: dict[str, Record] = field(default_factory=dict)
    """Those that can meet anybody: all of them, until the work cap is passed."""
    alone: dict[str, Contact] = field(default_factory=dict)
    """By record, where nothing that ties it counts any more: decided, until it says more."""
    late_from: LateFrom = field(default_factory=lambda: NONE_LATE)
    contacts: list[Contact] | None = None
    """Of ``records``; None while they are to be evaluated."""

    @property
    def size(self) -> int:
        return len(self.records) + len(self.alone)


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
        self._shared: set[str] = set()
        """Units of several records."""
        self._cells: dict[Cell, None] = {}

    def put(self, records: Iterable[Record]) -> None:
        """New ones, or with more in them than before."""
        changed = list(records)
        stopped = [one for record in changed for one in self._stopped_by(record)]
        for record in changed:
            cell = self._cell_of.get(record.id)
            if cell is None:
                cell = self._cell_of[record.id] = Cell()
                self._cells[cell] = None
            self._place(record, cell)
        torn = self._tear(stopped) if stopped else []
        for record in (*changed, *torn):
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

    def _place(self, record: Record, cell: Cell) -> None:
        """Into its cell, as it is now."""
        if self._is_alone(record, cell.late_from):
            alone = plain_contact((record,), self._rules, self._modes, cell.late_from, self._kept)
            cell.alone[record.id] = alone
            if cell.records.pop(record.id, None) is not None:
                cell.contacts = None
        else:
            cell.alone.pop(record.id, None)
            cell.records[record.id] = record
            cell.contacts = None

    def _is_alone(self, record: Record, late_from: LateFrom) -> bool:
        """Whether the work cap leaves out whatever could tie it to another."""
        if not late_from or record.users or record.unit in self._shared:
            return False
        for one, claim in record.claims.items():
            rank = RANK_OF.get((one.type, claim.proof))
            if rank is None or not links(self._modes.get(one, Mode.LIVE), claim.proof):
                continue
            edge = Edge(rank, claim.first, one.type, one.key, record.id, claim.proof, claim.fact)
            if not is_late(edge, late_from):
                return False
        return True

    def _tear(self, stopped: Iterable[Identifier]) -> list[Record]:
        """Records that were held together by these: each by itself again, to be tied anew."""
        torn = {self._cell_of[self._tied_by.pop(one)] for one in stopped if one in self._tied_by}
        found: list[Record] = []
        for cell in torn:
            del self._cells[cell]
            records = [*cell.records.values(), *(one.records[0] for one in cell.alone.values())]
            for record in records:
                for tie in (*record.claims, record.unit):
                    # A trusted one may hold others together, elsewhere.
                    if tie in self._tied_by and self._cell_of[self._tied_by[tie]] is cell:
                        del self._tied_by[tie]
            found += records
        for record in found:
            apart = self._cell_of[record.id] = Cell({record.id: record})
            self._cells[apart] = None
        return found

    def _tie(self, record: Record) -> None:
        self._tie_by(record.unit, record)
        for one, claim in record.claims.items():
            if links(self._modes.get(one, Mode.LIVE), claim.proof):
                self._tie_by(one, record)

    def _tie_by(self, tie: Identifier | str, record: Record) -> None:
        other = self._tied_by.setdefault(tie, record.id)
        if other == record.id:
            return
        left, right = self._cell_of[record.id], self._cell_of[other]
        if left is not right:
            left = self._join(left, right)
        if tie == record.unit and tie not in self._shared:
            self._shared.add(record.unit)
            for name in (record.id, other):
                if name in left.alone:
                    self._place(left.alone[name].records[0], left)

    def _join(self, left: Cell, right: Cell) -> Cell:
        """The larger takes the other in. With more edges, what was late stays so."""
        if left.size < right.size:
            left, right = right, left
        late_from = earlier(left.late_from, right.late_from)
        if late_from is not left.late_from:
            left.late_from = late_from
            left.contacts = None
        left.alone |= right.alone
        for name, record in right.records.items():
            self._place(record, left)
            self._cell_of[name] = left
        for name in right.alone:
            self._cell_of[name] = left
        del self._cells[right]
        return left

    def contacts(self) -> list[Contact]:
        """Of all cells, in no order."""
        found: list[Contact] = []
        for cell in self._cells:
            if cell.contacts is None:
                cell.contacts = self._evaluate(cell)
            found += cell.contacts
            found += cell.alone.values()
        return found

    def _evaluate(self, cell: Cell) -> list[Contact]:
        records = [cell.records[name] for name in sorted(cell.records)]
        if not cell.late_from and is_one_contact(records, self._rules, self._modes):
            return [plain_contact(records, self._rules, self._modes, kept=self._kept)]
        outcome = evaluate_records(records, self._kept, self._rules, self._modes, cell.late_from)
        found = contacts_of(outcome, ())
        if not outcome.late_from:
            return found
        cell.late_from = outcome.late_from
        for record in records:
            if self._is_alone(record, cell.late_from):
                self._place(record, cell)
        return [one for one in found if one.records[0].id not in cell.alone]
