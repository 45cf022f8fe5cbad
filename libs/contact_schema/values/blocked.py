"""Values that programs and people put where nothing is known. They never link two records."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

MAX_CHARACTERS: Final = 1024
"""A longer value is no identifier of anybody."""

_WORDS: Final = """
null undefined none nil nan void empty blank n/a #n/a na (null) <null> (none) -1 true false invalid
id email e-mail phone name distinctid distinct_id userid user_id [] {} not_set notset not-set
anonymous anonymous_id anonymousid anon guest user visitor unidentified unknown
not_authenticated unauthenticated
test@test.com null@null.com none@none.com undefined@undefined.com noemail@noemail.com no@email.com
"""
_PHRASES: Final = ("(not set)", "not set", "[object object]", "[object undefined]", "[object null]")
_PLACEHOLDERS: Final = frozenset(_WORDS.split()).union(_PHRASES)
"""Case-folded, without quotes around them."""

_NOTHING_BUT_ZEROS: Final = re.compile(r"[0\-+.:_ ]*")
_TEMPLATE: Final = re.compile(r"\{\{.*\}\}|\$\{.*\}|<%.*%>", re.DOTALL)
"""What a template was to put the value into, sent as it stands."""
_QUOTES: Final = "'\"`“”‘’"
_UNSEEN: Final = (
    "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Marks without a width that come along when a value is copied."""


def without_margin(text: str) -> str:
    """The text without blanks and unseen marks around it."""
    while (inner := text.strip().strip(_UNSEEN)) != text:
        text = inner
    return text


def is_blocked(kind: str, value: str, own: Sequence[str] = ()) -> bool:
    """Whether this value of an identifier type must not link anything.

    ``own`` are the agent's own blocked values; ``*`` in one stands for any characters, and one that
    begins with ``<kind>:`` counts for that type only. Upper and lower case are the same.
    """
    bare = without_margin(without_margin(value).strip(_QUOTES)).casefold()
    return (
        len(value) > MAX_CHARACTERS
        or bare in _PLACEHOLDERS
        or _NOTHING_BUT_ZEROS.fullmatch(bare) is not None
        or _TEMPLATE.fullmatch(bare) is not None
        or any(_matches(entry, kind, bare) for entry in own)
    )


def may_identify(kind: str, value: str, own: Sequence[str] = ()) -> bool:
    """Whether this value of an identifier type may link records: the opposite of `is_blocked`."""
    return not is_blocked(kind, value, own)


def _matches(entry: str, kind: str, bare: str) -> bool:
    folded = entry.strip().casefold()
    of_kind = folded.removeprefix(f"{kind}:")
    return any(_pattern(text).fullmatch(bare) is not None for text in {folded, of_kind})


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    # The pieces between stars are matched atomically, leftmost first: an agent's pattern costs
    # linear time per piece, never the exponential time of nested backtracking.
    first, *others = re.split(r"\*+", text)
    if not others:
        return re.compile(re.escape(first), re.DOTALL)
    *middle, last = others
    pieces = "".join(f"(?>.*?{re.escape(piece)})" for piece in middle)
    return re.compile(f"{re.escape(first)}{pieces}.*{re.escape(last)}", re.DOTALL)
