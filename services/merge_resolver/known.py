"""What this process remembers of records it has seen: a plain message of one costs no work.

Only a saving: whatever is not remembered is looked up. What an erasure touched is of an older epoch
than its space and is forgotten.
"""

from collections import OrderedDict

from merge_resolver.domain.facts import Observe
from merge_resolver.domain.news import Standing


class KnownRecords:
    """The records used last, by space and record."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str], tuple[int, Standing]] = OrderedDict()

    def says_nothing_new(self, space: str, fact: Observe, epoch: int) -> bool:
        kept = self._kept.get((space, fact.record))
        if kept is None:
            return False
        if kept[0] != epoch:
            del self._kept[space, fact.record]
            return False
        self._kept.move_to_end((space, fact.record))
        return not kept[1].is_news(fact)

    def remember(self, space: str, record: str, epoch: int, standing: Standing) -> None:
        """After the commit: what was rolled back must not be taken for known."""
        self._kept[space, record] = (epoch, standing)
        self._kept.move_to_end((space, record))
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
