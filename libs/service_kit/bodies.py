"""Reading what strangers send: size, syntax, depth, and values that cannot be kept."""

import json
import math
import re
from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson

from service_kit.problems import Problem

MAX_DEPTH = 32
_LONG_NUMBER = re.compile(rb"\d{19}")
_INT64 = range(-(2**63), 2**63)


class Streamed(Protocol):
    """What is needed of a request."""

    def stream(self) -> AsyncIterator[bytes]: ...


async def read_body(request: Streamed, limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises Problem 413 without reading further."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise Problem(
                413, "too-large", "The body is too large.", hint=f"At most {limit} bytes are taken."
            )
        parts.append(part)
    return b"".join(parts)


def parse_json(body: bytes) -> Any:
    """The value. Raises Problem 400 `malformed` for what is not JSON, not UTF-8, or too deep.

    Lone surrogates, NUL and numbers too great are kept for `unkeepable` to find, so that one bad
    item does not sink its neighbours.
    """
    if _too_deep(body):
        raise _malformed(f"The body is nested deeper than {MAX_DEPTH}.")
    if _LONG_NUMBER.search(body):
        return _parse_slowly(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_slowly(body)


def _parse_slowly(body: bytes) -> Any:
    """The fast parser refuses lone surrogates and rounds long integers: both are valid JSON."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _malformed("The body is not JSON.") from None


def _refuse_constant(_: str) -> Any:
    raise ValueError


def _malformed(detail: str) -> Problem:
    return Problem(400, "malformed", detail)


def _too_deep(body: bytes) -> bool:
    """Counts brackets outside strings; cheap for the usual body, which has few."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(body):
        first = token.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


_BRACKET_OR_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def unkeepable(value: Any, pointer: str = "") -> str | None:
    """JSON pointer of the first value that JSON can carry and we cannot keep; None if all is well.

    That is: a lone surrogate or NUL in a string or key, an integer beyond 64 bits, a number that is
    no finite double.
    """
    if isinstance(value, str):
        return pointer if _is_bad_text(value) else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return None if value in _INT64 else pointer
    if isinstance(value, float):
        return None if math.isfinite(value) else pointer
    if isinstance(value, dict):
        for key, item in value.items():
            if _is_bad_text(key):
                return pointer
            found = unkeepable(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
            if found is not None:
                return found
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found = unkeepable(item, f"{pointer}/{index}")
            if found is not None:
                return found
    return None


def _is_bad_text(text: str) -> bool:
    if text.isascii():
        return "\0" in text
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
