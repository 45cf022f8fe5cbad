"""Reading what strangers send: size, syntax, depth, and values that cannot be kept."""

import json
import math
import re
from collections.abc import AsyncIterator
from typing import Any, Protocol

import orjson

from service_kit.problems import Problem

MAX_DEPTH = 32
_BAD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# A number stands behind a sign or a space; the same characters elsewhere are part of an id.
_GREAT_EXPONENT = re.compile(rb"[:,\[\s]-?\d[\d.]*[eE]\+?\d{3}")
# All digits alike: what a number looks like is then found by plain search, ten times as fast as by
# a pattern.
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER = b"0" * 19
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
    value = _parse(body)
    if _is_deeper(value, MAX_DEPTH):
        raise _malformed(f"The body is nested deeper than {MAX_DEPTH}.")
    return value


def _parse(body: bytes) -> Any:
    if _LONG_NUMBER in body.translate(_SHAPE):
        return _parse_slowly(body)
    try:
        return orjson.loads(body)  # itself refuses what is nested a thousand deep
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


def _is_deeper(value: Any, levels: int) -> bool:
    """Level by level: the usual body has three, and nothing is called for each value."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return bool(level)


def may_be_unkeepable(body: bytes) -> bool:
    """False where `unkeepable` would find nothing, told without parsing; seldom true in vain."""
    shape = body.translate(_SHAPE)
    return bool(
        _LONG_NUMBER in shape
        or ((b"0e000" in shape or b"0e+000" in shape) and _GREAT_EXPONENT.search(body))
        or b"NaN" in body
        or b"Infinity" in body
        or (b"\\u" in body and _BAD_ESCAPE.search(body))
    )


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
