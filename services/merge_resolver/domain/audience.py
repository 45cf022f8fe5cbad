"""Which audience a contact is in, and whether its plan speaks of another one."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal, NamedTuple

from contact_schema import changes
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import OPERATOR, SELF, SIGNED, SYSTEM, Observe
from merge_resolver.domain.records import Record
from merge_resolver.domain.rules import Rules

Source = Literal["operator", "api", "crm", "signed", "default"]


class Word(NamedTuple):
    """One statement about the audience, strongest and latest last in order."""

    field_class: int
    t: int
    audience: str
    sent: str
    source: Source


def audience_of(
    contact: Contact, rules: Rules, instant: Callable[[int], datetime]
) -> tuple[changes.Audience, changes.TierMismatch | None]:
    """Only classes from system upwards count; an operator's choice is pinned until released."""
    facts = [(record, fact) for record in contact.records for fact in record.facts]
    pins = [_pin(fact) for _, fact in facts if _speaks_as_operator(fact)]
    pins += [
        (link.t, str(link.picks["audience"] or ""))
        for link in contact.links
        if "audience" in link.picks
    ]
    words = list(_words(facts, rules))
    floor = SELF if rules.unsigned_plan == "apply" else SYSTEM
    strong = max((word for word in words if word.field_class >= floor), default=None)
    pinned = max(pins, default=(0, ""))
    if pinned[1]:
        now = changes.Audience(
            value=pinned[1], source="operator", pinned=True, set_at=instant(pinned[0])
        )
    elif strong is not None:
        now = changes.Audience(
            value=strong.audience, source=strong.source, set_at=instant(strong.t)
        )
    else:
        now = changes.Audience(value=rules.audiences[0], source="default")
    return now, _mismatch(words, now, instant)


def _speaks_as_operator(fact: Observe) -> bool:
    return fact.field_class == OPERATOR and "audience" in fact.fields


def _pin(fact: Observe) -> tuple[int, str]:
    value = fact.fields["audience"]
    return fact.t, value if isinstance(value, str) else ""


def _words(facts: Iterable[tuple[Record, Observe]], rules: Rules) -> Iterable[Word]:
    for record, fact in facts:
        if fact.field_class == OPERATOR or fact.field_class < SELF:
            continue
        source: Source = "signed" if fact.field_class == SIGNED else "api"
        if any(one.type == "crm" for one in record.claims):
            source = "crm"
        audience = fact.fields.get("audience")
        if isinstance(audience, str) and fact.field_class >= SYSTEM:
            yield Word(fact.field_class, fact.t, audience, audience, source)
        plan = fact.fields.get("plan")
        if isinstance(plan, str):
            named = rules.plan_audiences.get(plan, plan)
            if named in rules.audiences:
                yield Word(fact.field_class, fact.t, named, plan, source)


def _mismatch(
    words: Iterable[Word], now: changes.Audience, instant: Callable[[int], datetime]
) -> changes.TierMismatch | None:
    """The latest word, if it is not what shows: unsigned, or outranked by a pin."""
    latest = max(
        (word for word in words if word.field_class in (SELF, SIGNED)),
        key=lambda word: (word.t, word),
        default=None,
    )
    if latest is None or latest.audience == now.value:
        return None
    if now.set_at is not None and not now.pinned and instant(latest.t) < now.set_at:
        return None
    return changes.TierMismatch(
        sent=latest.sent,
        has=now.value,
        source="signed" if latest.field_class == SIGNED else "self",
        at=instant(latest.t),
    )
