"""Text as the list sorts and searches it: accents off, case folded."""

import unicodedata
from typing import Any, Final

BLANK: Final = "\U0010ffff"
"""Sorts after every text."""
MAX_KEY_CHARACTERS: Final = 200
"""An index row holds no more than about 2,700 bytes."""
MAX_SEARCH_CHARACTERS: Final = 20_000


def folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def sort_key(text: str | None) -> str:
    """The key of a text in the list's order; what is blank comes last."""
    key = folded(text or "").strip()[:MAX_KEY_CHARACTERS]
    return key or BLANK


def search_text(*values: Any) -> str:
    """One text of all values, for substring search."""
    words = (folded(word) for value in values for word in _words(value))
    return "\n".join(dict.fromkeys(word for word in words if word))[:MAX_SEARCH_CHARACTERS]


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [str(value)]
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, list | tuple):
        return [word for item in value for word in _words(item)]
    return []


def search_patterns(q: str) -> list[str]:
    """Every word must be somewhere in the search text, each as a LIKE pattern."""
    return [f"%{_escaped(word)}%" for word in folded(q).split()]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
