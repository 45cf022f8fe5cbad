"""How an action can end, beside a plain answer or a `Problem`."""

from dataclasses import dataclass, field
from typing import Any, Literal


class MovedError(Exception):
    """The contact of this id was merged: everything about it is found under ``contact`` now."""

    def __init__(self, was: str, contact: str) -> None:
        super().__init__("moved")
        self.was = was
        self.contact = contact


@dataclass(frozen=True)
class Written:
    """The end of a write. ``pending``: durable, but not yet visible after 3 s; follow
    ``status_url``."""

    outcome: Literal["created", "updated", "unchanged", "pending"]
    command: str
    contact: dict[str, Any] | None = None
    """The contact as it is now; of a merge the survivor."""
    contacts: list[dict[str, Any]] = field(default_factory=list)
    """Of an undo: the contacts that stand now."""
    merge: str | None = None
    outranked: tuple[str, ...] = ()
    """Fields that are stored but do not show, because a stronger source speaks."""

    @property
    def status_url(self) -> str:
        return f"/v1/commands/{self.command}"
