"""The profile: a fold over the facts of a contact's records, field by field."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import OPERATOR, VISITOR, Observe
from merge_resolver.domain.records import Record
from merge_resolver.domain.rules import STRANGERS_WAYS

_ENCODER: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"))


class Won(NamedTuple):
    """The value that a field shows, who says it and since when."""

    value: Any
    field_class: int
    t: int
    record: str


@dataclass(frozen=True, slots=True)
class Folded:
    fields: Mapping[str, Won]
    """Fields that show a value; one that was cleared is not in it."""
    said: Mapping[str, Any]
    """What visitors said without standing: shown apart, it counts for nothing."""
    heard: frozenset[str]
    """Records whose visitor's own words count."""


def fold(contact: Contact) -> Folded:
    heard = heard_records(contact)
    best: dict[str, tuple[tuple[int, int, str], Won]] = {}
    said: dict[str, tuple[tuple[int, str], Any]] = {}
    for record, fact in _facts(contact.records):
        for name, value in fact.fields.items():
            text = order_of(value)
            if fact.field_class > VISITOR or record.id in heard:
                _improve(
                    best,
                    name,
                    (fact.field_class, fact.t, text),
                    Won(value, fact.field_class, fact.t, record.id),
                )
            elif value is not None:
                _improve(said, name, (fact.t, text), value)
    for link in contact.links:
        for name, value in link.picks.items():
            _improve(
                best,
                name,
                (OPERATOR, link.t, order_of(value)),
                Won(value, OPERATOR, link.t, link.left),
            )
    fields = {name: won for name, (_, won) in sorted(best.items()) if won.value is not None}
    apart = {
        name: value
        for name, (_, value) in sorted(said.items())
        if name not in fields or order_of(fields[name].value) != order_of(value)
    }
    return Folded(fields, apart, heard)


def order_of(value: Any) -> str:
    """One text for one value: decides between values of one class and time."""
    return _ENCODER.encode(value)


def _facts(records: Iterable[Record]) -> Iterable[tuple[Record, Observe]]:
    return ((record, fact) for record in records for fact in record.facts)


def _improve(best: dict[str, Any], name: str, key: tuple[Any, ...], value: Any) -> None:
    other = best.get(name)
    if other is None or key > other[0]:
        best[name] = (key, value)


def heard_records(contact: Contact) -> frozenset[str]:
    """All, where nothing is proven or asserted; else those that reach an established record by
    accepted edges that a stranger cannot make.
    """
    everyone = frozenset(record.id for record in contact.records)
    established = {record.id for record in contact.records if record.is_established}
    if not established or len(established) == len(everyone):
        return everyone
    if not any(one.edge.rank in STRANGERS_WAYS for one in contact.taken):
        return everyone
    find, join = _sets()
    for one in contact.taken:
        if one.edge.rank not in STRANGERS_WAYS:
            node = one.edge.key if one.edge.type == "link" else one.node
            join(one.edge.record, node)
    roots = {find(record) for record in established}
    return frozenset(record for record in everyone if find(record) in roots)


def _sets() -> tuple[Callable[[Any], Any], Callable[[Any, Any], None]]:
    parent: dict[Any, Any] = {}

    def find(node: Any) -> Any:
        while (up := parent.setdefault(node, node)) != node:
            parent[node] = node = parent.setdefault(up, up)
        return node

    def join(left: Any, right: Any) -> None:
        parent[find(left)] = find(right)

    return find, join


class Tag(NamedTuple):
    field_class: int
    t: int
    name: str


def fold_tags(contact: Contact) -> list[Tag]:
    """The union over the records; a removal wins over earlier additions on the records it covers.
    In the order in which they count: strongest class, then earliest.
    """
    removals: dict[str, list[tuple[tuple[int, str], Observe]]] = {}
    for record, fact in _facts(contact.records):
        if fact.tags is not None and (fact.tags.clears or fact.tags.removed):
            for covered in {record.id, *fact.covers}:
                removals.setdefault(covered, []).append(((fact.t, fact.id), fact))
    found: dict[str, Tag] = {}
    for record, fact in _facts(contact.records):
        for name in fact.tags.added if fact.tags is not None else ():
            if not _is_removed(name, (fact.t, fact.id), removals.get(record.id, ())):
                tag = Tag(fact.field_class, fact.t, name)
                found[name] = min(found.get(name, tag), tag, key=_counting_order)
    return sorted(found.values(), key=_counting_order)


def _is_removed(
    name: str, added: tuple[int, str], removals: Iterable[tuple[tuple[int, str], Observe]]
) -> bool:
    return any(
        fact.tags is not None and (fact.tags.clears or name in fact.tags.removed)
        for at, fact in removals
        if at > added
    )


def _counting_order(tag: Tag) -> tuple[int, int, str]:
    return -tag.field_class, tag.t, tag.name


def cleared_at(contact: Contact, name: str) -> dict[str, int]:
    """When an address of a kind was cleared, by record: its older claims are no longer primary."""
    times: dict[str, int] = {}
    for record, fact in _facts(contact.records):
        if name in fact.fields and fact.fields[name] is None:
            for covered in {record.id, *fact.covers}:
                times[covered] = max(fact.t, times.get(covered, fact.t))
    return times
