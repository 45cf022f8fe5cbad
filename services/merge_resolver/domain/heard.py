"""What a blob has heard, by record; each record is folded once, until more is said of it."""

from dataclasses import dataclass, field

from contact_schema.values import is_blocked
from merge_resolver.domain.facts import Observe
from merge_resolver.domain.news import Standing, standing_of
from merge_resolver.domain.records import Record, fold_record, settle, users_of_claims
from merge_resolver.domain.rules import Rules


@dataclass(slots=True)
class Heard:
    count: int = 0
    """Of observations: a blob that has more facts has decisions too, and is folded as a whole."""
    by_record: dict[str, list[Observe]] = field(default_factory=dict)
    _removals: list[Observe] = field(default_factory=list)
    """Those that remove tags of other records too."""
    _verdicts: list[Observe] = field(default_factory=list)
    _standings: dict[str, Standing] = field(default_factory=dict)
    _folded: dict[str, Record] = field(default_factory=dict)
    _is_blocked: bool = False

    def add(self, fact: Observe) -> None:
        self.count += 1
        if fact.record in self.by_record:
            self.by_record[fact.record].append(fact)
            self._folded.pop(fact.record, None)
        else:
            self.by_record[fact.record] = [fact]
        if fact.verdict:
            # What was said under this claim before, it says with a user now.
            self._verdicts.append(fact)
            self._folded.clear()
        if fact.covers:
            self._removals.append(fact)
        if fact.tags is not None or fact.covers:
            self._standings.clear()
        elif fact.record in self._standings:
            self._standings[fact.record].learn(fact)

    def take_in(self, other: "Heard") -> None:
        """Of another blob: no record is in two."""
        self.count += other.count
        self.by_record |= other.by_record
        self._removals += other._removals
        self._verdicts += other._verdicts
        self._standings |= other._standings
        self._folded |= other._folded
        self._is_blocked = self._is_blocked or other._is_blocked
        if self._verdicts:
            self._folded.clear()
        if self._removals:
            self._standings.clear()

    def standing(self, record: str) -> Standing | None:
        standing = self._standings.get(record)
        if standing is None and record in self.by_record:
            standing = standing_of(self.by_record[record], self._removals)
            if standing is not None:
                self._standings[record] = standing
        return standing

    def records(self, rules: Rules) -> list[Record] | None:
        """Steps 2 and 3 of all of them, in order. None where the agent blocks an identifier of
        theirs, for that is said of all who have it.
        """
        if len(self._folded) < len(self.by_record):
            users = users_of_claims(self._verdicts)
            for name, facts in self.by_record.items():
                if name not in self._folded:
                    self._folded[name] = record = fold_record(facts, users)
                    settle(record)
                    self._is_blocked = self._is_blocked or _has_blocked(record, rules)
        if self._is_blocked:
            return None
        return [self._folded[name] for name in sorted(self._folded)]


def _has_blocked(record: Record, rules: Rules) -> bool:
    own = rules.blocked_values
    return bool(own) and any(is_blocked(one.type, one.key, own) for one in record.claims)
