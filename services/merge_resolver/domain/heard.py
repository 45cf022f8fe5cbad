"""What a blob has heard, by record: folded and decided once, until more is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contact_schema.values import is_blocked
from merge_resolver.domain.cells import Cells
from merge_resolver.domain.contacts import Contact, plain_contact
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.news import NOBODY, Standing, standing_of
from merge_resolver.domain.plain import is_one_contact
from merge_resolver.domain.records import Record, fold_record, settle, users_of_claims
from merge_resolver.domain.rules import Rules


@dataclass(slots=True)
class Heard:
    count: int = 0
    """Of observations: a blob that has more facts has decisions too, and is decided as a whole."""
    by_record: dict[str, list[Observe]] = field(default_factory=dict)
    _under_claim: dict[str, list[str]] = field(default_factory=dict)
    """Records that spoke under a claim: its verdict gives them a user."""
    _removals: list[Observe] = field(default_factory=list)
    """Those that remove tags of other records too."""
    _verdicts: list[Observe] = field(default_factory=list)
    _standings: dict[str, Standing] = field(default_factory=dict)
    _folded: dict[str, Record] = field(default_factory=dict)
    _stale: dict[str, None] = field(default_factory=dict)
    """Records of which more was said since they were folded."""
    _moved: list[Record] = field(default_factory=list)
    """Folded, and not in a cell yet."""
    _is_plain: bool = True
    _cells: Cells | None = None

    def add(self, fact: Observe) -> None:
        record = fact.record
        self.count += 1
        self._stale[record] = None
        if record in self.by_record:
            self.by_record[record].append(fact)
        else:
            self.by_record[record] = [fact]
        if fact.claim is not None:
            self._under_claim.setdefault(fact.claim, []).append(fact.record)
            if fact.verdict:
                self._verdicts.append(fact)
                self._stale |= dict.fromkeys(self._under_claim[fact.claim])
        if fact.covers:
            self._removals.append(fact)
        if fact.tags is not None or fact.covers:
            self._standings.clear()
        elif record in self._standings:
            self._standings[record].learn(fact)

    def take_in(self, other: "Heard") -> None:
        """Of another blob: no record and no claim is in two."""
        self.count += other.count
        self.by_record |= other.by_record
        self._under_claim |= other._under_claim
        self._removals += other._removals
        self._verdicts += other._verdicts
        self._standings |= other._standings
        self._folded |= other._folded
        self._stale |= other._stale
        self._moved += other._folded.values()
        self._is_plain = self._is_plain and other._is_plain
        if self._removals:
            self._standings.clear()

    def standing(self, record: str, revoked: Mapping[str, int] = NOBODY) -> Standing | None:
        """``revoked`` by user: until when his proofs count as typed."""
        own = self.by_record.get(record)
        if own is None:
            return None
        if revoked:
            return standing_of(own, self._removals, revoked)
        standing = self._standings.get(record) or standing_of(own, self._removals)
        if standing is not None:
            self._standings[record] = standing
        return standing

    def is_news(self, fact: Observe, again_after: int, revoked: Mapping[str, int] = NOBODY) -> bool:
        standing = self.standing(fact.record, revoked)
        return standing is None or standing.is_news(fact, again_after)

    def repeats(self, fact: Observe, again_after: int) -> bool:
        """Whether its record has said just that and nothing else: then it needs no looking up."""
        own = self.by_record.get(fact.record)
        if own is None or len(own) > 1 or fact.fields or fact.covers or fact.tags is not None:
            return False
        said = own[0]
        return (
            fact.told == said.told
            and fact.claim == said.claim
            and 0 <= fact.t - said.t <= again_after
        )

    def contacts(self, rules: Rules) -> list[Contact] | None:
        """Steps 2 to 8, of what has changed. None where the agent blocks an identifier of theirs,
        or a record has two users: that is decided on the whole.
        """
        changed = self._fold(rules)
        if not self._is_plain:
            return None
        if self._cells is None:
            records = list(self._folded.values())
            if is_one_contact(records, rules):
                return [plain_contact(records, rules)]
            self._cells = Cells(rules)
            changed = records
        self._cells.put(changed)
        return sorted(self._cells.contacts(), key=lambda contact: contact.id)

    def _fold(self, rules: Rules) -> list[Record]:
        """Those that are not in a cell as they are now."""
        stale = self._stale
        changed = [one for one in self._moved if one.id not in stale]
        users = users_of_claims(self._verdicts) if self._verdicts else {}
        for name in stale:
            record = self._folded[name] = fold_record(self.by_record[name], users)
            settle(record)
            changed.append(record)
            if len(record.users) > 1 or (rules.blocked_values and _has_blocked(record, rules)):
                self._is_plain = False
        self._moved.clear()
        stale.clear()
        return changed


def _has_blocked(record: Record, rules: Rules) -> bool:
    return any(is_blocked(one.type, one.key, rules.blocked_values) for one in record.claims)
