"""Steps 4 to 8 on one blob: from records to contacts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from merge_resolver.domain import periods
from merge_resolver.domain.caps import NONE_LATE, LateFrom, find_late, is_late
from merge_resolver.domain.edges import Edge, Refused, link_edges, unit_edges
from merge_resolver.domain.facts import TYPED, Identifier
from merge_resolver.domain.grouping import Groups, Holding, holding_of
from merge_resolver.domain.modes import Claimants, Mode, links, mode_of, owning_claims
from merge_resolver.domain.records import Claim, Kept, Record, typed_beyond_limit
from merge_resolver.domain.rules import (
    FAMILIES,
    PROVEN_EMAIL,
    RANK_OF,
    TYPED_EMAIL,
    USER,
    Rules,
)

BY_IDENTIFIER: Final = frozenset({"policy", "contested"})
"""Refused before a second side was met: whoever else claims the identifier is the other side."""
RIVALS: Final = 20
Apart = tuple[tuple[str, int], ...]
"""Separations, and the side on which a record is there by itself."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An edge that was accepted; ``joined`` if it made two groups one (they form the tree)."""

    edge: Edge
    record: int
    node: int
    joined: bool


@dataclass(slots=True)
class Outcome:
    """What steps 1 to 7 found of one blob: its records, their groups, and each edge's fate."""

    records: Sequence[Record]
    groups: Groups
    taken: list[Taken] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    claimants: dict[Identifier, Claimants] = field(default_factory=dict)
    rivals: dict[Identifier, list[int]] = field(default_factory=dict)
    """Who claims what somebody was refused by before he met another: a few, by number."""
    late_from: LateFrom = field(default_factory=lambda: NONE_LATE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edge and the period of its identifier; or refused before it was tried."""

    edge: Edge
    period: int
    refused: str | None = None


def evaluate_records(
    records: Sequence[Record],
    kept: Kept,
    rules: Rules,
    modes: Mapping[Identifier, Mode] | None = None,
    late_from: LateFrom = NONE_LATE,
) -> Outcome:
    """Steps 4 to 7, on records that are folded and sorted by id. Accounts come first (ranks 0 and
    1), for modes and periods are made of them; browsers come last, on the partition as the other
    ranks leave it. ``modes`` of identifiers that are not live, and ``late_from``: where records
    elsewhere count too.
    """
    work = _Work(kept, rules, records)
    work.join_accounts()
    work.find_modes(modes)
    work.cap_work(late_from)
    work.try_all(work.candidates(False, work.accounts))
    work.try_all(work.candidates(True, work.known_groups()))
    return work.outcome


class _Work:
    """One evaluation: what is known of the blob so far."""

    def __init__(self, kept: Kept, rules: Rules, records: Sequence[Record]) -> None:
        self.kept, self.rules, self.records = kept, rules, records
        self.numbers = {record.id: number for number, record in enumerate(records)}
        holdings = (holding_of(one, kept.blocked, rules.limits_per_contact) for one in records)
        self.outcome = Outcome(records, Groups(holdings, rules), claimants=_claimants(records))
        self.accounts: dict[int, int] = {}
        self.modes: Mapping[Identifier, Mode] = {}
        self._beyond = typed_beyond_limit(records, rules.typed_addresses_per_unit)
        self._nodes: dict[tuple[Identifier, int, Apart], int] = {}
        self._sides = _sides_of_identifiers(kept)
        self._own_sides: dict[str, dict[str, int]] = {}
        for cut in kept.separations:
            for side, one in reversed(list(enumerate(cut.sides))):
                for record in one.records:
                    if record in self.numbers:
                        self.outcome.groups.held[self.numbers[record]].sides[cut.id] = side
                        if cut.holds:
                            self._own_sides.setdefault(record, {})[cut.id] = side

    def join_accounts(self) -> None:
        """Ranks 0 and 1, and which account each record is in."""
        for edge in link_edges(self.kept.links, self.numbers):
            self._take(edge, self.numbers[edge.key])
        users = sorted(
            Edge(USER, claim.first, "user", one.key, self.records[number].id, claim.proof,
                 claim.fact)
            for one, claimants in self.outcome.claimants.items()
            if one.type == "user"
            for number, claim in claimants
        )  # fmt: skip
        for edge in users:
            self._take(edge, self._node(edge, 0))
        groups = self.outcome.groups
        for number, record in enumerate(self.records):
            if record.users:
                root = groups.root(number)
                groups.held[root].account = root
        for number in range(len(self.records)):
            account = groups.holding(number).account
            if account is not None:
                self.accounts[number] = account

    def find_modes(self, modes: Mapping[Identifier, Mode] | None) -> None:
        """Step 4."""
        if modes is None:
            found = {
                one: mode_of(one, claimants, self.accounts, self.records, self.rules)
                for one, claimants in self.outcome.claimants.items()
            }
            modes = {one: mode for one, mode in found.items() if mode is not Mode.LIVE}
            modes |= dict.fromkeys(self.kept.blocked, Mode.BLOCKED)
        self.modes = modes

    def cap_work(self, before: LateFrom) -> None:
        """Which edges the work cap leaves out."""
        cap = self.rules.claims_per_blob
        if before or sum(len(one.claims) for one in self.records) > cap:
            self.outcome.late_from = find_late(self._linking(), cap, before)

    def _linking(self) -> Iterable[Edge]:
        for one, claimants in self.outcome.claimants.items():
            mode = self.modes.get(one, Mode.LIVE)
            for number, claim in claimants:
                edge = self._edge(one, number, claim)
                if edge is not None and edge.rank != USER and links(mode, claim.proof):
                    yield edge

    def _edge(self, one: Identifier, number: int, claim: Claim) -> Edge | None:
        rank = RANK_OF.get((one.type, claim.proof))
        if rank is None:
            return None
        record = self.records[number].id
        return Edge(rank, claim.first, one.type, one.key, record, claim.proof, claim.fact)

    def known_groups(self) -> dict[int, int]:
        groups = self.outcome.groups
        return {
            number: groups.root(number)
            for number in range(len(self.records))
            if groups.holding(number).known
        }

    def candidates(self, browsers: bool, owners: Mapping[int, int]) -> list[Candidate]:
        """Steps 5 and 6 for the identifiers whose turn it is."""
        found: list[Candidate] = []
        for one, claimants in self.outcome.claimants.items():
            family = FAMILIES[one.type]
            if family != "user" and (family == "browser") == browsers:
                found += self._of_identifier(one, claimants, owners)
        if not browsers:
            found += [Candidate(edge, 0) for edge in unit_edges(self.records, self.accounts)]
        found.sort(key=lambda candidate: candidate.edge)
        return found

    def _of_identifier(
        self, one: Identifier, claimants: Claimants, owners: Mapping[int, int]
    ) -> Iterable[Candidate]:
        mode, late_from = self.modes.get(one, Mode.LIVE), self.outcome.late_from
        edges = [(number, claim, self._edge(one, number, claim)) for number, claim in claimants]
        linking = [
            (number, claim)
            for number, claim, edge in edges
            if links(mode, claim.proof) and not (edge and late_from and is_late(edge, late_from))
        ]
        cut = self._periods(one, linking, owners)
        for number, claim, edge in edges:
            if edge is None:
                continue
            at = cut.number_at(claim.first)
            code = self._code(edge, mode)
            since = cut.periods[at].contested_from
            if code is None and since is not None and edge.rank > PROVEN_EMAIL:
                # Only whose it was first keeps it: his records are one person without it.
                code = None if owners.get(number) == since else "contested"
            if code in BY_IDENTIFIER and one not in self.outcome.rivals:
                rivals = [rival for rival, claim in linking if self._edge(one, rival, claim)]
                self.outcome.rivals[one] = rivals[:RIVALS]
            yield Candidate(edge, at, code)

    def _periods(
        self, one: Identifier, linking: Claimants, owners: Mapping[int, int]
    ) -> periods.Periods:
        releases = self.kept.releases.get(one, ())
        owning = owning_claims(FAMILIES[one.type], linking, owners)
        if not releases and len(owning) < 2:
            return periods.ALWAYS
        return periods.cut(
            (periods.OwnerClaim(claim.first, claim.last, owners[number])
             for number, claim in owning),
            releases,
        )  # fmt: skip

    def _code(self, edge: Edge, mode: Mode) -> str | None:
        if mode is Mode.BLOCKED:
            return "blocked"
        if not links(mode, edge.proof):
            return "generic"
        if is_late(edge, self.outcome.late_from):
            return "work-cap"
        if edge.proof == TYPED and (edge.record, edge.identifier) in self._beyond:
            return "limit-typed"
        if edge.rank == TYPED_EMAIL and self.rules.typed_email == "suggest":
            return "policy"
        return None

    def try_all(self, candidates: Iterable[Candidate]) -> None:
        """Step 7, in the order given."""
        for candidate in candidates:
            if candidate.refused is None:
                self._take(candidate.edge, self._node(candidate.edge, candidate.period))
            else:
                number = self.numbers[candidate.edge.record]
                refused = Refused(candidate.edge, candidate.refused, number, number, number)
                self.outcome.refused.append(refused)

    def _take(self, edge: Edge, node: int) -> None:
        number, groups = self.numbers[edge.record], self.outcome.groups
        left, right = groups.root(number), groups.root(node)
        code = groups.join(edge.rank, number, node)
        if code is None:
            self.outcome.taken.append(Taken(edge, number, node, left != right))
        else:
            self.outcome.refused.append(Refused(edge, code, number, left, right))

    def _node(self, edge: Edge, period: int) -> int:
        one = edge.identifier
        apart: Apart = ()
        if edge.record in self._own_sides:
            apart = self._apart(edge.record, one)
        node = self._nodes.get((one, period, apart))
        if node is None:
            sides = self._sides.get(one, {}) | dict(apart)
            node = self._nodes[one, period, apart] = self.outcome.groups.add(Holding(sides=sides))
        return node

    def _apart(self, record: str, one: Identifier) -> Apart:
        """Where another side keeps the identifier: this record meets those of its own side by it,
        and nobody else.
        """
        kept = self._sides.get(one, {})
        own = self._own_sides[record].items()
        return tuple((cut, side) for cut, side in own if kept.get(cut, side) != side)


def _claimants(records: Sequence[Record]) -> dict[Identifier, Claimants]:
    found: dict[Identifier, Claimants] = {}
    for number, record in enumerate(records):
        for one, claim in record.claims.items():
            found.setdefault(one, []).append((number, claim))
    return found


def _sides_of_identifiers(kept: Kept) -> dict[Identifier, dict[str, int]]:
    sides: dict[Identifier, dict[str, int]] = {}
    for cut in kept.separations:
        for side, one in reversed(list(enumerate(cut.sides))):
            for identifier in one.identifiers:
                sides.setdefault(identifier, {})[cut.id] = side
    return sides
