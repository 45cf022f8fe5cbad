"""What visitors say, who proves to be who, and what people order: few of them, who share a lot.

Times have nothing to do with the order of sending, and lie a day and more from each other: what is
said again on the same day is no fact, so that on one day the order would count.
"""

import random
from collections.abc import Sequence
from typing import Any, cast

from contact_schema.commands import (
    BlockIdentifier,
    ChangePolicy,
    Command,
    ReleaseIdentifier,
    RevokeProof,
    SeparateRecords,
    Side,
    SideIdentifier,
)
from contact_schema.envelope import Message
from contact_schema.observations import IdentifierType
from contact_schema.settings import Policies
from tests.merge_resolver.engine import edit, event, link, ordered, row, told, undo, verified

VALUES: tuple[tuple[str, str], ...] = (
    ("email", "ada@example.com"),
    ("email", "bob@example.com"),
    ("email", "info@example.com"),
    ("phone", "+4930111111"),
    ("browser", "b1"),
    ("browser", "b2"),
    ("session", "s1"),
    ("slack", "T1:U1"),
    ("crm", "hub:1"),
)
UNITS = ("c1", "c2", "c3", "c4")
USERS = ("u1", "u2", "u3")
ROWS = ("contact_row1", "contact_row2")
RECORDS = tuple(f"contact_{unit}_{user}" for unit in UNITS for user in ("nobody", *USERS)) + ROWS
DAYS = 40


class Talk:
    """One seed, one way of talking."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def told(self, most: int) -> list[Message]:
        """By visitors, and about who they are."""
        kinds = (self._visit, self._visit, self._proof)
        return [self._dice.choice(kinds)() for _ in range(self._dice.randint(1, most))]

    def ordered(self, most: int, facts: Sequence[str], merges: Sequence[str]) -> list[Message]:
        """``facts`` and ``merges`` are those of earlier orders, to be taken back."""
        count = self._dice.randint(1, most)
        return [self._order(facts, merges) for _ in range(count)]

    def some(self, those: Sequence[Any]) -> list[Any]:
        return self._dice.sample(those, min(len(those), self._dice.randint(1, 6)))

    def _minute(self) -> int:
        return self._dice.randint(0, DAYS) * 1500

    def _statements(self, *proofs: str) -> list[Any]:
        dice = self._dice
        return [
            told(kind, key, dice.choice(proofs), dice.choice(("", "As he spells it")))
            for kind, key in dice.sample(VALUES, dice.randint(0, 2))
        ]

    def _fields(self) -> dict[str, Any]:
        names = self._dice.sample(("name", "company", "attr.a"), self._dice.randint(0, 2))
        return {name: self._dice.choice(("Ada", "Bob", 1.5, None)) for name in names}

    def _visit(self) -> Message:
        """By himself, or under a claim whose verdict may come later."""
        unit, user = self._dice.choice(UNITS), self._dice.choice(("nobody", "nobody", *USERS))
        record = f"contact_{unit}_{user}"
        said = event(
            record,
            self._minute(),
            *self._statements("typed", "typed", "proven"),
            unit=unit,
            type=self._dice.choice(("message",) * 5 + ("logged_out",)),
            fields=self._fields(),
        )
        claim = None if user == "nobody" else f"claim_{record}"
        return said.model_copy(update={"claim": claim})

    def _proof(self) -> Message:
        unit, user = self._dice.choice(UNITS), self._dice.choice(USERS)
        record, said = f"contact_{unit}_{user}", self._statements("typed")
        return verified(record, self._minute(), user, *said, unit=unit, fields=self._fields())

    def _order(self, facts: Sequence[str], merges: Sequence[str]) -> Command:
        dice, minute, name = self._dice, self._minute(), f"fact_{self._dice.getrandbits(60)}"
        left, right = dice.sample(RECORDS, 2)
        usual = ["row", "row", "edit", "link", "link", "cut", "block", "release", "revoke"]
        match dice.choice([*usual, "policy", *["undo"] * bool(facts), *["part"] * bool(merges)]):
            case "row":
                tags = dice.choice(((), ("new",)))
                said = self._statements("asserted")
                return row(dice.choice(ROWS), minute, *said, tags=tags, fields=self._fields())
            case "edit":
                clear = dice.choice((None, (), ("vip",)))
                return edit(left, minute, replace_tags=clear, fields=self._fields())
            case "link":
                survivor = dice.choice((None, left, right))
                return link(left, right, minute, survivor=survivor, fact=name)
            case "cut":
                kept = tuple(self._identifier() for _ in range(dice.randint(0, 1)))
                sides = (Side(records=(left,), identifiers=kept), Side(records=(right,)))
                return ordered(SeparateRecords, minute, fact=name, sides=sides)
            case "block":
                return ordered(BlockIdentifier, minute, fact=name, identifier=self._identifier())
            case "release":
                return ordered(ReleaseIdentifier, minute, fact=name, identifier=self._identifier())
            case "revoke":
                users = (dice.choice(USERS),)
                return ordered(RevokeProof, minute, contact=left, fact=name, users=users)
            case "policy":
                typed = dice.choice(("merge", "suggest"))
                return ordered(ChangePolicy, minute, policies=Policies(typed_email=typed))
            case "undo":
                return undo(dice.choice(facts), minute, keep_apart=dice.random() < 0.5)
            case _:
                return ordered(SeparateRecords, minute, fact=name, merge=dice.choice(merges))

    def _identifier(self) -> SideIdentifier:
        kind, key = self._dice.choice(VALUES)
        return SideIdentifier(type=cast(IdentifierType, kind), key=key)
