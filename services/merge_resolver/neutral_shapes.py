"""The shape of neutral events, and what is wrong with those that have another, by event and field.

Whole numbers are taken for names and values as their decimal digits, ``null`` as not said, and
fields that nothing is known of are passed over.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

_SHOWN: Final = 20
"""Problems that are named; of more, only how many."""
_LIST: Final = re.compile(r'\s*(?:\{(?:.*?)"events"\s*:\s*)?\[', re.DOTALL)
_BETWEEN: Final = re.compile(r"[\s,]*")


class WrongEventError(ValueError):
    """These events cannot be read; says which and which part of them, never its values."""


def _digits(given: Any) -> Any:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _several(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError
    return text


Text = Annotated[str, Field(strict=True), BeforeValidator(_digits), AfterValidator(_without_nul)]
Name = Annotated[
    str, Field(strict=True, min_length=1), BeforeValidator(_digits), AfterValidator(_without_nul)
]
Names = Annotated[list[Name], BeforeValidator(_several)]
Time = Annotated[int, Field(strict=True, ge=-(1 << 61), le=1 << 61)]
Type = Literal["browser", "email", "phone", "external", "channel", "name"]


class _Told(TypedDict):
    type: Type
    value: Text | None
    trust: NotRequired[Literal["typed", "asserted", "proven"] | None]


class _Named(TypedDict):
    type: Type | Literal["user"]
    value: Text


class _Event(TypedDict):
    id: NotRequired[Name | None]


class _Decision(_Event):
    t: NotRequired[Time | None]


class _Observe(_Event):
    do: Literal["observe"]
    t: Time
    conversation: Name
    verified_user: NotRequired[Text | None]
    identifiers: NotRequired[list[_Told] | None]
    profile: NotRequired[dict[str, Any] | None]
    profile_trust: NotRequired[
        Literal["typed", "channel", "asserted", "verified", "operator"] | None
    ]


class _Merge(_Decision):
    do: Literal["merge"]
    left: Names
    right: Names
    survivor: NotRequired[Name | None]


class _Side(TypedDict):
    conversations: Names
    identifiers: NotRequired[list[_Named] | None]


class _Separate(_Decision):
    do: Literal["separate"]
    sides: Annotated[list[_Side], Field(min_length=2)]


class _Undo(_Decision):
    do: Literal["undo"]
    event: Name


class _Release(_Event):
    do: Literal["logout", "owner-changed"]
    t: Time
    identifier: _Named


_Revoke = TypedDict(
    "_Revoke",
    {
        "id": NotRequired[Name | None],
        "t": NotRequired[Time | None],
        "do": Literal["revoke-verification"],
        "user": Name,
        "from": NotRequired[Time | None],
        "to": NotRequired[Time | None],
    },
)


class _Erase(_Decision):
    do: Literal["erase"]
    conversation: Name


class _Block(_Decision):
    do: Literal["block"]
    identifier: _Named


_EVENTS: Final = TypeAdapter[Any](
    list[
        Annotated[
            _Observe | _Merge | _Separate | _Undo | _Release | _Revoke | _Erase | _Block,
            Field(discriminator="do"),
        ]
    ]
)
_KINDS: Final = (
    ": do should be observe, merge, separate, undo, logout, owner-changed, revoke-verification, "
    "erase or block"
)
_SAYS: Final = {
    "missing": " is missing",
    "union_tag_not_found": _KINDS,
    "union_tag_invalid": _KINDS,
    "model_attributes_type": " should be an object",
    "string_type": " should be a text",
    "string_unicode": " holds a character that is no text",
    "string_too_short": " should not be empty",
    "int_type": " should be a whole number",
    "dict_type": " should be an object",
    "list_type": " should be a list",
    "value_error": " holds a character that is no text",
    "too_short": " should have two sides or more",
}


def checked(events: Sequence[Any]) -> list[dict[str, Any]]:
    """The events, with numbers as texts and single names as lists. Raises WrongEventError."""
    try:
        found: list[dict[str, Any]] = _EVENTS.validate_python(events)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise WrongEventError("\n".join(_named(problems))) from None
    return found


def events_of(text: bytes) -> list[dict[str, Any]]:
    """Of a file: an object with a list ``events``, or that list. Raises WrongEventError, which
    names every event that cannot be read, with its line.
    """
    if text.startswith(b"\x1f\x8b"):
        raise WrongEventError("the file is compressed; unpack it first")
    try:
        document = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise WrongEventError(f"the file is not JSON: {where}") from None
    except UnicodeDecodeError as error:
        raise WrongEventError(f"the file is not UTF-8: byte {error.start}") from None
    except RecursionError:
        raise WrongEventError("the file is nested too deeply") from None
    except ValueError as error:
        raise WrongEventError(f"the file is not JSON: {error}") from None
    events = document.get("events") if isinstance(document, dict) else document
    if not isinstance(events, list):
        raise WrongEventError('the file has no list "events"')
    try:
        return checked(events)
    except WrongEventError as error:
        raise WrongEventError(_with_lines(str(error), text)) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _named(problems: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in problems[:_SHOWN]:
        number, *place = one["loc"]
        # The second place is the kind of event by which its shape was found.
        field = ".".join(map(str, place[1:]))
        says = _SAYS.get(one["type"]) or _plain(one["msg"])
        yield f"event {number}{field and f': {field}'}{says}"
    if len(problems) > _SHOWN:
        yield f"and {len(problems) - _SHOWN} more"


def _plain(message: str) -> str:
    return message.replace("Input should be", " should be").replace("'", "")


def _with_lines(problems: str, text: bytes) -> str:
    lines = list(_lines(text.decode(json.detect_encoding(text))))
    return re.sub(
        r"^event (\d+)", lambda it: f"event {it[1]} (line {lines[int(it[1])]})", problems,
        flags=re.MULTILINE,
    )  # fmt: skip


def _lines(text: str) -> Iterator[int]:
    """The line on which each event begins."""
    decoder, start = json.JSONDecoder(), _LIST.match(text)
    at = start.end() if start else 0
    while text[(at := _end_of(_BETWEEN, text, at))] != "]":
        yield text.count("\n", 0, at) + 1
        _, at = decoder.raw_decode(text, at)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
