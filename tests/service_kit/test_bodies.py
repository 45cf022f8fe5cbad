"""What strangers send: too much, too deep, not JSON, or JSON that cannot be kept."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service_kit.bodies import may_be_unkeepable, parse_json, read_body, unkeepable
from service_kit.problems import Problem


class Sent:
    def __init__(self, *parts: bytes) -> None:
        self.parts = parts

    async def stream(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert await read_body(Sent(b"ab", b"cd"), 4) == b"abcd"


async def test_a_byte_more_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await read_body(Sent(b"ab", b"cde"), 4)
    assert (refused.value.status, refused.value.code) == (413, "too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'"\xff"',
        b"'a'",
        b"[1] trailing",
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_or_too_deep_is_malformed(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        parse_json(body)
    assert (refused.value.status, refused.value.code) == (400, "malformed")


def test_brackets_in_text_are_no_depth() -> None:
    assert parse_json(b'["' + b"[" * 100 + b'\\""]') == ["[" * 100 + '"']


def test_thirty_two_levels_are_taken() -> None:
    assert parse_json(b"[" * 32 + b"]" * 32)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"a": "x\\u0000"}', "/a"),
        (b'{"a": {"b/c": ["ok", "\\ud800"]}}', "/a/b~1c/1"),
        (b'{"n": 9223372036854775808}', "/n"),
        (b'{"n": -9223372036854775809}', "/n"),
        (b'{"n": 1e999}', "/n"),
        (b'{"k\\u0000": 1}', ""),
        (b'{"a": "\\ud83d\\ude00", "n": 9223372036854775807, "f": 1.5, "t": true}', None),
    ],
)
def test_the_first_value_that_cannot_be_kept_is_pointed_at(body: bytes, pointer: Any) -> None:
    assert unkeepable(parse_json(body)) == pointer


@pytest.mark.parametrize(
    "value",
    [
        '"x\\u0000"',
        '"\\uD800"',
        '"\\udFff"',
        "9223372036854775808",
        "-9223372036854775809",
        "1e999",
        "1E+999",
        "-2.5e400",
        "NaN",
        "-Infinity",
    ],
)
@pytest.mark.parametrize("around", ['{"a":%s}', "[1, %s]", '{"a": {"b": [\n%s]}}'])
def test_whatever_cannot_be_kept_is_suspected_without_parsing(value: str, around: str) -> None:
    assert may_be_unkeepable((around % value).encode())


def test_the_ids_of_a_message_are_not_suspected() -> None:
    assert not may_be_unkeepable(b'{"space":"space_4e123","record":"contact_7e274q"}')
