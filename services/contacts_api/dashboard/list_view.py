"""The list's address read as a page: its view tab, its chips and links, and the forms that
change it. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from contacts_api.dashboard import words

Pairs = tuple[tuple[str, str], ...]

OWN = frozenset({"form", "at", "attr_key", "attr_value"})
PLACE = frozenset({"cursor", "at"})
NO_FILTER = frozenset({"q", "sort", "limit", "cursor", "at", "fields"})
ONCE = frozenset(
    {"q", "sort", "limit", "verified", "crm_state", "last_seen_after", "last_seen_before"}
    | {"created_after", "created_before"}
)
KNOWN: Pairs = (("kind", "lead"), ("kind", "customer"))


@dataclass(frozen=True)
class View:
    key: str
    name: str
    title: str
    filters: Pairs


VIEWS = (
    View("known", "Known", "Contacts", ()),
    View(
        "all", "All", "Contacts and anonymous visitors",
        (("kind", "anonymous"), ("kind", "lead"), ("kind", "customer")),
    ),
    View("leads", "Leads", "Leads", (("kind", "lead"),)),
    View("verified", "Verified", "Verified contacts", (("verified", "true"),)),
    View("crm", "CRM errors", "CRM errors", (("crm_state", "error"),)),
)  # fmt: skip

CHIPS = {
    "tag": ("tag", "is"), "not_tag": ("tag", "is not"),
    "channel": ("channel", "is"), "not_channel": ("channel", "is not"),
    "audience": ("audience", "is"), "kind": ("kind", "is"), "verified": ("identity", "is"),
    "crm_state": ("CRM", "is"), "email": ("e-mail", "is"), "phone": ("phone", "is"),
    "external_id": ("external id", "is"), "conversation_id": ("conversation", "is"),
    "created_after": ("created", "since"), "created_before": ("created", "before"),
    "last_seen_after": ("seen", "since"), "last_seen_before": ("seen", "before"),
}  # fmt: skip
VALUE_WORDS: Mapping[str, Mapping[str, str]] = {
    "channel": words.CHANNELS,
    "not_channel": words.CHANNELS,
    "audience": words.AUDIENCES,
    "kind": words.KINDS,
    "crm_state": words.CRM_STATES,
    "verified": {"true": "verified", "false": "not verified"},
}
COLUMNS = (
    ("name", "Name"), ("channels", "Channels"), ("audience", "Audience"), ("identity", "Identity"),
    ("conversations", "Conversations"), ("tags", "Tags"), ("last_seen_at", "Last seen"),
    ("crm", "CRM"),
)  # fmt: skip
# The direction that a first click on a column asks for.
SORTABLE = {"name": "name", "audience": "audience", "last_seen_at": "-last_seen_at"}
DEFAULT_SORT = "-last_seen_at"
SORT_WORDS = {
    "name": "by name", "-name": "by name, backwards", "audience": "by audience",
    "-audience": "by audience, backwards", "last_seen_at": "last seen, oldest first",
    "-last_seen_at": "last seen, newest first",
}  # fmt: skip


def canonical(given: Iterable[tuple[str, str]]) -> Pairs:
    """What a form sent, as the address it means: empty fields out, the last of a single value
    wins.
    """
    pairs = [(name, value.strip()) for name, value in given]
    key, value = (_last(pairs, name) for name in ("attr_key", "attr_value"))
    kept = [(n, v) for n, v in pairs if v and n not in OWN | PLACE]
    if key and value:
        kept.append((f"attr.{key}", value))
    last = dict(kept)
    kept = [(n, v) for n, v in dict.fromkeys(kept) if n not in ONCE or last[n] == v]
    return tuple(p for p in kept if p != ("sort", DEFAULT_SORT))


def _last(pairs: Iterable[tuple[str, str]], wanted: str) -> str:
    return next((v for n, v in reversed(list(pairs)) if n == wanted), "")


def view_of(pairs: Pairs) -> View:
    """The tab that this address lies under: the first whose filters it holds, each with all its
    values.
    """
    for view in VIEWS[1:]:
        names = {name for name, _ in view.filters}
        if {pair for pair in pairs if pair[0] in names} == set(view.filters):
            return view
    return VIEWS[0]


def asked(pairs: Pairs) -> Pairs:
    """What the list is asked for: the address, and known contacts only where it names no kind."""
    sent = tuple(p for p in pairs if p[0] not in OWN and p != ("q", _too_short(pairs)))
    return sent if any(name == "kind" for name, _ in sent) else (*sent, *KNOWN)


def _too_short(pairs: Pairs) -> str | None:
    """A first letter typed into the search box asks for nothing yet."""
    search = _last(pairs, "q")
    return search if len("".join(search.split())) < 2 else None


def address(base: str, pairs: Iterable[tuple[str, str]]) -> str:
    query = urlencode(list(pairs))
    return f"{base}/contacts?{query}" if query else f"{base}/contacts"


def without(pairs: Pairs, *names: str) -> Pairs:
    return tuple(pair for pair in pairs if pair[0] not in names and pair[0] not in PLACE)


def chips(
    base: str, pairs: Pairs, view: View, wrong: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    implied = set(view.filters)
    shown = dict.fromkeys(n for n, v in pairs if n not in NO_FILTER and (n, v) not in implied)
    return [_chip(base, pairs, name, name in wrong) for name in shown]


def _chip(base: str, pairs: Pairs, name: str, error: bool) -> dict[str, Any]:
    field, verb = CHIPS.get(name, (name.removeprefix("attr."), "is"))
    values = [VALUE_WORDS.get(name, {}).get(value, value) for n, value in pairs if n == name]
    value = " or ".join(values)
    return {
        "field": field, "verb": verb, "value": value, "error": error,
        "without": address(base, without(pairs, name)),
    }  # fmt: skip


def sentence(view: View, found: Sequence[Mapping[str, Any]], search: str) -> str:
    said = " and ".join(f"{chip['field']} {chip['verb']} {chip['value']}" for chip in found)
    parts = [f"Looked in: {view.name}."]
    if search:
        parts.append(f"Searched for “{search}”.")
    if said:
        parts.append(f"Filtered where {said}.")
    return " ".join(parts)


def columns(base: str, pairs: Pairs, sort: str, crm_shown: bool) -> list[dict[str, Any]]:
    shown = []
    for key, name in COLUMNS:
        if key == "crm" and not crm_shown:
            continue
        first = SORTABLE.get(key)
        current = sort.removeprefix("-") == key
        turned = sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"
        following = turned if current else first
        sorted_by = (*without(pairs, "sort"), ("sort", following or ""))
        shown.append({
            "key": key, "name": name, "href": following and address(base, sorted_by),
            "aria": ("descending" if sort.startswith("-") else "ascending") if current else None,
        })  # fmt: skip
    return shown


def pager(
    base: str,
    pairs: Pairs,
    at: int,
    rows: int,
    limit: int,
    following: str | None,
    previous: str | None,
) -> list[dict[str, Any]]:
    start = without(pairs)
    before = (("cursor", previous or ""), ("at", str(max(1, at - limit))))
    after = (("cursor", following or ""), ("at", str(at + rows)))
    links = (
        ("first", "First", start if previous else None),
        ("previous", "Previous", (*start, *before) if previous else None),
        ("next", "Next", (*start, *after) if following else None),
    )
    return [
        {"key": key, "name": name, "href": address(base, target) if target is not None else None}
        for key, name, target in links
    ]
