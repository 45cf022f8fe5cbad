"""Messages of one transaction and partition as the bytes of one outbox row, and back."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cramjam
import orjson

_LENGTHS = struct.Struct(">III")
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """One message of a row. `headers` are those it was composed with, not its place in the log."""

    sequence: int
    previous: int
    """The sequence before it in its partition."""
    key: bytes
    headers: dict[str, str]
    body: bytes


def size_of(key: bytes, headers: bytes, body: bytes) -> int:
    """Bytes of a message in a row, before compression."""
    return _LENGTHS.size + len(key) + len(headers) + len(body)


def pack(messages: Sequence[tuple[bytes, bytes, bytes]]) -> bytes:
    """Key, headers (a JSON object of strings) and body of each, in order."""
    parts: list[bytes] = []
    for key, headers, body in messages:
        parts += (_LENGTHS.pack(len(key), len(headers), len(body)), key, headers, body)
    return bytes(cramjam.zstd.compress(b"".join(parts), level=_LEVEL))


def unpack(row: Any) -> Iterator[Packed]:
    """The messages of a row with `first_seq`, `prev` and `messages`, in order."""
    data = bytes(cramjam.zstd.decompress(row["messages"]))
    sequence, previous, at = row["first_seq"], row["prev"], 0
    while at < len(data):
        key, headers, body = _LENGTHS.unpack_from(data, at)
        at += _LENGTHS.size
        yield Packed(
            sequence,
            previous,
            data[at : at + key],
            orjson.loads(data[at + key : at + key + headers]),
            data[at + key + headers : at + key + headers + body],
        )
        previous, sequence, at = sequence, sequence + 1, at + key + headers + body
