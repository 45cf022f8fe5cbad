"""What is wrong with a request, field by field. Never holds a value."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wrong:
    field: str
    """A JSON pointer, or the name of a parameter."""
    code: str
    detail: str


class InvalidError(ValueError):
    """The request cannot be done as it stands."""

    def __init__(self, wrongs: Sequence[Wrong], code: str = "invalid") -> None:
        super().__init__(code)
        self.wrongs = tuple(wrongs)
        self.code = code


def invalid(field: str, detail: str, code: str = "invalid") -> InvalidError:
    return InvalidError([Wrong(field, code, detail)], code if code == "limit" else "invalid")
