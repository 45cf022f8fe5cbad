"""User ids and external ids: what the customer's own system calls the person, byte for byte."""

from typing import Final

from contact_schema.values.blocked import is_blocked

EXTERNAL_ID_CHARACTERS: Final = 128


def external_id(text: str) -> str | None:
    """The id exactly as given, or ``None``: empty, longer than 128 characters, blocked, or not
    storable (NUL, lone surrogate). Nothing is trimmed or folded, because signatures are over
    exactly these bytes.
    """
    if not 1 <= len(text) <= EXTERNAL_ID_CHARACTERS or is_blocked("user", text):
        return None
    return text if is_storable(text) else None


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold this text."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
