"""A contact as `ContactChanged` carries it: the fold in the words of the contract."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from contact_schema import changes
from contact_schema.observations import IdentifierType
from merge_resolver.domain.audience import audience_of
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import PROOF_NAMES, PROVEN
from merge_resolver.domain.fold import Folded, cleared_at, fold, fold_tags, order_of
from merge_resolver.domain.records import Claim, Record
from merge_resolver.domain.rules import FAMILIES, Rules

ATTRIBUTE = "attr."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = frozenset({"email", "phone", "channel", "crm"})
_SUGGESTED = 20
"""The strongest and earliest: who comes later by something that many share changes nothing."""
_KEYLESS_SHOWN = 20
"""Of values that link nothing anybody may send any number."""


def instant(t: int) -> datetime:
    return _EPOCH + timedelta(microseconds=t)


def microseconds(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@dataclass(slots=True)
class Held:
    """One identifier over all records of a contact."""

    type: str
    key: str | None
    given: str
    proof: int
    first: int
    last: int
    counts: bool
    """Whether a record whose words count says it; only then may it be primary."""


def snapshot_of(contact: Contact, rules: Rules) -> changes.Snapshot:
    folded = fold(contact)
    held = _held(contact, folded)
    primary = {name: _primary(contact, held, folded, name) for name in ("email", "phone")}
    users = _users(contact.records)
    attributes = sorted(
        (-won.field_class, won.t, name)
        for name, won in folded.fields.items()
        if name.startswith(ATTRIBUTE)
    )
    counted = sorted(name for _, _, name in attributes[: rules.attributes_per_contact])
    tags = [tag.name for tag in fold_tags(contact)]
    audience, mismatch = audience_of(contact, rules, instant)
    return changes.Snapshot(
        contact=contact.id,
        kind=cast(changes.Kind, contact.kind),
        external_id=users[0] if users else None,
        external_ids=tuple(users),
        name=_text(folded, "name"),
        company=_text(folded, "company"),
        email=_given(primary["email"]),
        phone=_given(primary["phone"]),
        identifiers=tuple(_shown(one, primary) for one in held),
        custom_attributes={
            name.removeprefix(ATTRIBUTE): folded.fields[name].value for name in counted
        },
        stripe_accounts=tuple(_stripe_accounts(contact)),
        tags=tuple(tags[: rules.tags_per_contact]),
        overflow_tags=max(0, len(tags) - rules.tags_per_contact),
        overflow_attributes=max(0, len(attributes) - rules.attributes_per_contact),
        said=_said(folded, held, primary),
        audience=audience,
        verified=_verified(contact.records),
        tier_mismatch=mismatch,
        suggested=_suggested(contact),
        created_at=instant(min(record.first for record in contact.records)),
    )


def _suggested(contact: Contact) -> tuple[str, ...]:
    """Without those that somebody has told apart."""
    if not contact.suggestions:
        return ()
    apart = {one.other for one in contact.suggestions if one.code == "separated"}
    ordered = sorted((one.edge, one.other) for one in contact.suggestions)
    found = dict.fromkeys(other for _, other in ordered if other not in apart)
    return tuple(sorted(list(found)[:_SUGGESTED]))


def _text(folded: Folded, name: str) -> str | None:
    won = folded.fields.get(name)
    return won.value if won is not None and isinstance(won.value, str) else None


def _given(held: Held | None) -> str | None:
    return None if held is None else held.given


def _held(contact: Contact, folded: Folded) -> list[Held]:
    found: dict[tuple[str, str | None, str], Held] = {}
    for record in contact.records:
        heard = record.id in folded.heard
        for one, claim in record.claims.items():
            if FAMILIES[one.type] in _SHOWN:
                _hold(found, (one.type, one.key, ""), claim, heard)
        for (kind, given), claim in record.shown.items():
            if FAMILIES.get(kind) in _SHOWN:
                _hold(found, (kind, None, given), claim, heard)
    keyless = sorted(
        (one for one in found if one[1] is None), key=lambda key: (-found[key].last, key)
    )
    for key in keyless[_KEYLESS_SHOWN:]:
        del found[key]
    return [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] or "", key[2]))]


def _hold(
    found: dict[tuple[str, str | None, str], Held],
    key: tuple[str, str | None, str],
    claim: Claim,
    heard: bool,
) -> None:
    counts = heard or claim.proof > 1
    held = found.get(key)
    if held is None:
        found[key] = Held(key[0], key[1], claim.given, claim.proof, claim.first, claim.last, counts)
        return
    if (counts, claim.last, claim.given) > (held.counts, held.last, held.given):
        held.given = claim.given
    held.proof = max(held.proof, claim.proof)
    held.first, held.last = min(held.first, claim.first), max(held.last, claim.last)
    held.counts = held.counts or counts


def _primary(contact: Contact, held: list[Held], folded: Folded, name: str) -> Held | None:
    """Proven, asserted, typed; then the latest. A pick of a merge goes before."""
    of_kind = [one for one in held if one.type == name and one.key is not None and one.counts]
    picked = folded.fields.get(name)
    if picked is not None and isinstance(picked.value, dict):
        for one in of_kind:
            if one.key == picked.value.get("key"):
                return one
    cleared = cleared_at(contact, name)
    if cleared:
        living = _claimed_after(contact.records, name, cleared)
        of_kind = [one for one in of_kind if one.key in living]
    return max(of_kind, key=lambda one: (one.proof, one.last, one.key or ""), default=None)


def _claimed_after(records: Iterable[Record], kind: str, cleared: Mapping[str, int]) -> set[str]:
    return {
        one.key
        for record in records
        for one, claim in record.claims.items()
        if one.type == kind and claim.last > cleared.get(record.id, claim.last - 1)
    }


def _shown(one: Held, primary: Mapping[str, Held | None]) -> changes.HeldIdentifier:
    return changes.HeldIdentifier(
        type=cast(IdentifierType, one.type),
        key=one.key,
        value=one.given,
        proof=cast(Any, PROOF_NAMES[one.proof]),
        primary=primary.get(one.type) is one,
        first_seen_at=instant(one.first),
        last_seen_at=instant(one.last),
    )


def _said(folded: Folded, held: list[Held], primary: Mapping[str, Held | None]) -> dict[str, Any]:
    said = {name: value for name, value in folded.said.items() if name not in primary}
    for name in primary:
        merely = [one for one in held if one.type == name and not one.counts]
        if merely:
            latest = max(merely, key=lambda one: (one.last, one.given))
            said[name] = latest.given
    return dict(sorted(said.items()))


def _users(records: Iterable[Record]) -> list[str]:
    """All user ids, the earliest first."""
    first: dict[str, int] = {}
    for record in records:
        for one, claim in record.claims.items():
            if one.type == "user":
                first[one.key] = min(claim.first, first.get(one.key, claim.first))
    return sorted(first, key=lambda user: (first[user], user))


def proof_of_user(record: Record) -> tuple[int, str] | None:
    """Since when a proof of a user id stands on this record, and of which."""
    proven = [
        (claim.proven_at, one.key)
        for one, claim in record.claims.items()
        if one.type == "user" and claim.proof == PROVEN
    ]
    return max(proven, default=None)


def _verified(records: Iterable[Record]) -> changes.Verified | None:
    latest = max((proof for one in records if (proof := proof_of_user(one))), default=None)
    if latest is None:
        return None
    return changes.Verified(user=latest[1], verified_at=instant(latest[0]))


def record_of(record: Record) -> changes.ContactRecord:
    proof = proof_of_user(record)
    return changes.ContactRecord(
        record=record.id,
        unit=record.unit,
        verified_user=proof[1] if proof else None,
        verified_at=instant(proof[0]) if proof else None,
    )


def _stripe_accounts(contact: Contact) -> list[dict[str, Any]]:
    """Each record's own list as it last was, those of accounts first."""
    found: dict[str, dict[str, Any]] = {}
    order = sorted(contact.records, key=lambda one: (not one.holds_account, one.first, one.id))
    for record in order:
        lists = [
            (fact.field_class, fact.t, order_of(fact.fields["stripe_accounts"]), fact)
            for fact in record.facts
            if "stripe_accounts" in fact.fields and fact.field_class > 1
        ]
        if lists:
            latest = max(lists, key=lambda one: one[:3])[3].fields["stripe_accounts"]
            for account in latest if isinstance(latest, list | tuple) else ():
                if isinstance(account, dict):
                    found.setdefault(str(account.get("stripe_id", order_of(account))), account)
    return list(found.values())
