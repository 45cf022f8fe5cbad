"""What HubSpot's answers mean: each input of a batch gets its own outcome."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

EXISTING_ID = re.compile(r"Existing ID: (\d+)")
PASSING = frozenset({408, 425, 477, 500, 502, 503, 504, 520, 521, 522, 523, 524})
LOCKED_WAIT = 2.0
"""HubSpot asks for at least this many seconds after 423."""
DEFAULT_WAITS = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status (none: no answer came), decoded body and headers in lower case."""

    status: int | None
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One input of a batch call. ``id`` is the key for an upsert, the record id for an update."""

    record: str
    version: int
    id: str
    properties: Mapping[str, str] = field(repr=False)

    @property
    def trace(self) -> str:
        return f"{self.record}:{self.version}"


@dataclass(frozen=True, slots=True)
class Written:
    remote_id: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """Never valid as it is."""

    field: str | None = None
    vendor_code: str | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """Another record already holds the unique value."""

    remote_id: str | None
    contact: str | None = None
    """The contact of ours that this record is linked to."""


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such record any more."""


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing wrong with the input. ``everything``: the wait holds for the whole connection."""

    code: Literal["rate_limited", "locked", "vendor_unavailable"]
    wait: float | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Halted:
    """The connection itself is refused: no input is at fault."""

    code: Literal["auth_revoked", "permission_missing", "quota_exhausted"]


Outcome = Written | Refused | Exists | Gone | Later | Halted
Found = Mapping[str, Mapping[str, str]]
"""Records as read: remote id to its properties."""


@dataclass(frozen=True, slots=True)
class Split:
    """The batch was refused as a whole for one of its inputs: ask with its halves."""


def judge_batch(answer: Answer, items: Sequence[Item]) -> Mapping[str, Outcome] | Split:
    """The outcome of each item, by record."""
    if answer.status in (200, 201, 207):
        return _judge_rows(answer, items)
    if (whole := judge_failure(answer)) is not None:
        return {item.record: whole for item in items}
    if len(items) > 1:
        return Split()
    return {item.record: judge_refusal(answer.status, answer.body) for item in items}


def judge_failure(answer: Answer) -> Later | Halted | None:
    """What concerns the call and not its input; none when the input is to blame."""
    status = answer.status
    if status == 401:
        return Halted("auth_revoked")
    if status == 403:
        return Halted("permission_missing")
    if status == 429:
        policy = _text(answer.body, "policyName")
        if policy == "DAILY":
            return Halted("quota_exhausted")
        wait = _retry_after(answer) or DEFAULT_WAITS.get(policy, 10.0)
        return Later("rate_limited", wait, everything=True)
    if status == 423:
        return Later("locked", max(LOCKED_WAIT, _retry_after(answer) or 0))
    if status is None or status in PASSING or status < 400 or status >= 500:
        return Later("vendor_unavailable", _retry_after(answer))
    return None


def judge_refusal(status: int | None, body: Any) -> Outcome:
    """One input's own refusal: from a call with this input alone, or a row of a 207."""
    category = _text(body, "category")
    message = _text(body, "message")
    if status == 404 or category == "OBJECT_NOT_FOUND":
        return Gone()
    if status == 409 or category in ("CONFLICT", "OBJECT_ALREADY_EXISTS"):
        found = EXISTING_ID.search(message)
        return Exists(found[1] if found else None)
    if category in ("RATE_LIMITS", "RATE_LIMIT"):
        return Later("rate_limited", 10.0, everything=True)
    name, code = _validation(message)
    return Refused(name, code or category or None)


def judge_read(answer: Answer) -> Found | Later | Halted:
    """The records of a batch read that are there; the others are not named."""
    if answer.status in (200, 207) and isinstance(answer.body, dict):
        return {
            str(row["id"]): _properties(row)
            for row in _rows(answer.body, "results")
            if "id" in row and not row.get("archived")
        }
    return judge_failure(answer) or Later("vendor_unavailable")


def _judge_rows(answer: Answer, items: Sequence[Item]) -> Mapping[str, Outcome]:
    # Rows come in any order and may be missing: the trace decides, then the ids
    by_trace = {item.trace: item for item in items}
    by_id = {item.id: item for item in items}
    outcomes: dict[str, Outcome] = {}
    body = answer.body if isinstance(answer.body, dict) else {}
    for row in _rows(body, "results"):
        properties = _properties(row)
        found = (
            by_trace.get(str(row.get("objectWriteTraceId")))
            or by_id.get(str(row.get("id")))
            or by_id.get(properties.get("kith_contact_id", ""))
        )
        if found is not None and "id" in row:
            outcomes[found.record] = Written(str(row["id"]), properties)
    for error in _rows(body, "errors"):
        for item in _named_in(error, by_trace, by_id.get):
            outcomes.setdefault(item.record, judge_refusal(None, error))
    # Neither result nor error: nobody knows whether it was done, so it is read back
    return {item.record: outcomes.get(item.record, Later("vendor_unavailable")) for item in items}


def _named_in(
    error: Mapping[str, Any],
    by_trace: Mapping[str, Item],
    of_id: Callable[[str], Item | None],
) -> list[Item]:
    context = error.get("context")
    if not isinstance(context, dict):
        return []
    traced = [by_trace.get(str(t)) for t in _list(context.get("objectWriteTraceId"))]
    named = [of_id(str(i)) for i in (*_list(context.get("ids")), *_list(context.get("id")))]
    return [item for item in (*traced, *named) if item is not None]


def _validation(message: str) -> tuple[str | None, str | None]:
    """Property and code out of a list in JSON inside the message's text."""
    _, _, inner = message.partition("[")
    try:
        details = json.loads(f"[{inner}") if inner else []
        first = details[0]
        return str(first["name"]), str(first["error"])
    except (ValueError, KeyError, IndexError, TypeError):
        return None, None


def _rows(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [row for row in _list(body.get(name)) if isinstance(row, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _properties(row: Mapping[str, Any]) -> dict[str, str]:
    properties = row.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {str(k): str(v) for k, v in properties.items() if v is not None}


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def _retry_after(answer: Answer) -> float | None:
    try:
        return min(86_400.0, max(0.0, float(answer.headers.get("retry-after", ""))))
    except ValueError:
        return None
