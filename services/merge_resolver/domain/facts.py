"""What the function is given: facts and decisions. Immutable, each with an id of its own.

Times are integers (microseconds since 1970 in the service, any small integers in a file).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

TYPED, ASSERTED, PROVEN = 1, 2, 3
PROOFS = {"typed": TYPED, "asserted": ASSERTED, "proven": PROVEN}
PROOF_NAMES = {number: name for name, number in PROOFS.items()}

VISITOR, SELF, SYSTEM, SIGNED, OPERATOR = 1, 2, 3, 4, 5
"""Who says a field's value, weakest first."""


class Identifier(NamedTuple):
    type: str
    key: str

    def __str__(self) -> str:
        return f"{self.type}:{self.key}"


class Told(NamedTuple):
    """One identifier as an event told it; without a key it is shown and links nothing."""

    type: str
    key: str | None
    given: str
    proof: int


@dataclass(frozen=True, slots=True)
class TagEdit:
    """Tags added and removed; ``clears`` removes whatever there was before."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    clears: bool = False


@dataclass(frozen=True, slots=True)
class Observe:
    id: str
    t: int
    record: str
    unit: str
    told: tuple[Told, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    field_class: int = VISITOR
    tags: TagEdit | None = None
    covers: tuple[str, ...] = ()
    """Records of the contact at the moment of an edit: its removals reach them and no others."""
    claim: str | None = None
    """The claim in force when it was said. Once the claim is true, its user is the record's too."""
    verdict: bool = False
    """It says that the claim is true: of the user it tells."""
    signed: int | None = None
    """When its proof was signed, where that is known."""

    @property
    def proven_at(self) -> int:
        """A proof is as old as its signature: a revocation in between reaches it."""
        return self.t if self.signed is None else min(self.t, self.signed)


@dataclass(frozen=True, slots=True)
class Link:
    """An operator says: one person. Values that he picked go with it, and come back without it."""

    id: str
    t: int
    left: str
    right: str
    survivor: str | None = None
    picks: Mapping[str, Any] = field(default_factory=dict)


class Side(NamedTuple):
    records: tuple[str, ...]
    identifiers: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Separate:
    id: str
    t: int
    sides: tuple[Side, ...]
    holds: bool = False
    """Each side stays together by what it shares, also by an identifier that another side keeps: as
    an undo leaves them, not as an operator tells them apart.
    """


@dataclass(frozen=True, slots=True)
class Block:
    id: str
    identifier: Identifier


@dataclass(frozen=True, slots=True)
class Release:
    id: str
    t: int
    identifier: Identifier


@dataclass(frozen=True, slots=True)
class Revoke:
    """Proofs of this user id from one time to another, both included, count as typed."""

    id: str
    user: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Retract:
    id: str
    fact: str


@dataclass(frozen=True, slots=True)
class Erase:
    id: str
    record: str


Decision = Link | Separate | Block | Release | Revoke
Fact = Observe | Decision | Retract | Erase


def canonical(fact: Fact) -> str:
    """One text for one content: decides between two facts that carry the same id."""
    return type(fact).__name__ + json.dumps(
        asdict(fact), sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=list
    )
