"""The list's grammar, one for `GET /v1/contacts` and for the address of the dashboard's list."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from contact_schema.values import email_key, phone_key
from contacts_api.domain.invalid import InvalidError, Wrong

SORTS: Final = (
    "last_seen_at",
    "created_at",
    "updated_at",
    "name",
    "email",
    "external_id",
    "company",
    "audience",
)
FIELDS: Final = (
    "id", "object", "kind", "external_id", "name", "email", "phone", "company", "emails", "phones",
    "said", "stripe_accounts", "custom_attributes", "unregistered_attributes", "tags", "overflow",
    "audience", "verified", "tier_mismatch", "channels", "conversations", "crm", "merged_ids",
    "created_at", "updated_at", "last_seen_at", "version",
)  # fmt: skip
KINDS: Final = ("anonymous", "lead", "customer")
CRM_STATES: Final = ("synced", "pending", "error", "not_synced")
MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50
MAX_VALUES: Final = 50
MAX_CHARACTERS: Final = 512


@dataclass(frozen=True)
class ListQuery:
    """A list as asked for. Several values of one filter mean any of them; filters are ANDed."""

    q: str | None = None
    tag: tuple[str, ...] = ()
    not_tag: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    verified: bool | None = None
    has_suggestions: bool | None = None
    channel: tuple[str, ...] = ()
    not_channel: tuple[str, ...] = ()
    crm_state: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    """Keys, as are those of ``phone``."""
    phone: tuple[str, ...] = ()
    external_id: tuple[str, ...] = ()
    conversation_id: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    last_seen_after: datetime | None = None
    last_seen_before: datetime | None = None
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: str = "last_seen_at"
    descending: bool = True
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    fields: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    """The parameters as they came, for links and chips."""


def parse_list_query(
    parameters: Iterable[tuple[str, str]], region: str | None = None, own: Iterable[str] = ()
) -> ListQuery:
    """The query of these parameters; ``region`` is the agent's, for phone numbers without ``+``.

    ``own`` names parameters that the page itself reads; they are left out. Raises `InvalidError`
    naming every parameter that is unknown or holds what it cannot.
    """
    left_out = frozenset(own)
    given = tuple((name, value) for name, value in parameters if name not in left_out)
    query, wrongs = ListQuery(given=given), list[Wrong]()
    for name, values in _by_name(given).items():
        try:
            query = replace(query, **_read(name, values, region, query))
        except ValueError as error:
            wrongs.append(Wrong(name, "invalid", str(error)))
    if wrongs:
        raise InvalidError(wrongs)
    return query


def _by_name(given: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in given:
        values.setdefault(name, []).append(value)
    return values


def _read(name: str, values: list[str], region: str | None, so_far: ListQuery) -> dict[str, Any]:
    if len(values) > MAX_VALUES:
        raise ValueError(f"At most {MAX_VALUES} values.")
    if any(len(value) > MAX_CHARACTERS or "\0" in value for value in values):
        raise ValueError("Too long, or not a text.")
    if name.startswith("attr.") and len(name) > len("attr."):
        return {"attributes": (*so_far.attributes, (name.removeprefix("attr."), tuple(values)))}
    if name in {"email", "phone"}:
        return {name: tuple(_key(name, value, region) for value in values)}
    if name in _MANY:
        return {name: tuple(_one_of(value, _MANY[name]) for value in values)}
    if name not in _SINGLE:
        raise ValueError("There is no such parameter.")
    if len(values) > 1:
        raise ValueError("May be given once.")
    return _SINGLE[name](name, values[0])


_MANY: Final[dict[str, tuple[str, ...]]] = {
    "tag": (),
    "not_tag": (),
    "audience": (),
    "kind": KINDS,
    "channel": (),
    "not_channel": (),
    "crm_state": CRM_STATES,
    "external_id": (),
    "conversation_id": (),
}


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if allowed and value not in allowed:
        raise ValueError(f"One of {', '.join(allowed)}.")
    if not value:
        raise ValueError("Must not be empty.")
    return value


def _key(name: str, value: str, region: str | None) -> str:
    key = email_key(value) if name == "email" else phone_key(value, region)
    if key is None:
        raise ValueError("Not an e-mail address." if name == "email" else "Not a phone number.")
    return key


def _search(name: str, value: str) -> dict[str, Any]:
    words = " ".join(value.split())
    if len(words) < 2:
        raise ValueError("Two letters at least.")
    return {name: words}


def _flag(name: str, value: str) -> dict[str, Any]:
    if value not in {"true", "false"}:
        raise ValueError("Either true or false.")
    return {name: value == "true"}


def _time(name: str, value: str) -> dict[str, Any]:
    try:
        # A bare "+" of an offset arrives as a blank.
        moment = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError("A time in ISO 8601.") from None
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return {name: moment if moment.tzinfo else moment.replace(tzinfo=UTC)}


def _sort(name: str, value: str) -> dict[str, Any]:
    column = value.removeprefix("-")
    if column not in SORTS:
        raise ValueError(f"One of {', '.join(SORTS)}, with - before it for descending.")
    return {"sort": column, "descending": value.startswith("-")}


def read_limit(name: str, value: str) -> dict[str, Any]:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= MAX_LIMIT):
        raise ValueError(f"A number from 1 to {MAX_LIMIT}.")
    return {name: int(value)}


def _cursor(name: str, value: str) -> dict[str, Any]:
    return {name: value or None}


def _fields(name: str, value: str) -> dict[str, Any]:
    wanted = tuple(part.strip() for part in value.split(",") if part.strip())
    if not wanted or set(wanted) - set(FIELDS):
        raise ValueError(f"Names of a contact's fields, with commas: {', '.join(FIELDS)}.")
    return {name: wanted}


_SINGLE: Final[dict[str, Callable[[str, str], dict[str, Any]]]] = {
    "q": _search,
    "verified": _flag,
    "has_suggestions": _flag,
    "created_after": _time,
    "created_before": _time,
    "last_seen_after": _time,
    "last_seen_before": _time,
    "sort": _sort,
    "limit": read_limit,
    "cursor": _cursor,
    "fields": _fields,
}
