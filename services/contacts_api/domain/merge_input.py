"""What a caller says of a merge and of its undo."""

from dataclasses import dataclass, field
from typing import Any, Final, cast, get_args

from contact_schema.commands import Owner, Pick
from contact_schema.observations import IdentifierType
from contact_schema.values import email_key, phone_key
from contacts_api.domain.invalid import InvalidError, Wrong, invalid

PICKABLE: Final = ("name", "company", "email", "phone", "audience", "external_id")


@dataclass(frozen=True)
class MergeOrder:
    """``{"into": id, "survivor"?, "keep"?: {field: contact id}, "lift"?: [ids]}``"""

    into: str
    survivor: str | None = None
    picks: tuple[Pick, ...] = ()
    lift: tuple[str, ...] = field(default=())


def read_merge(body: Any, contact: str) -> MergeOrder:
    """Of this contact with another one. Raises InvalidError."""
    if not isinstance(body, dict):
        raise invalid("", "Must be an object.")
    wrongs = [
        Wrong(f"/{name[:64]}", "unknown-field", "There is no such field here.")
        for name in body
        if name not in {"into", "survivor", "keep", "lift"}
    ]
    into = body.get("into")
    if not isinstance(into, str) or not into:
        wrongs.append(Wrong("/into", "invalid", "Must be the id of the other contact."))
    sides = {contact, into if isinstance(into, str) else None}
    if body.get("survivor") is not None and body["survivor"] not in sides:
        wrongs.append(Wrong("/survivor", "invalid", "Must be one of the two."))
    keep = body.get("keep") or {}
    if not isinstance(keep, dict):
        wrongs.append(Wrong("/keep", "invalid", "Must be an object."))
    else:
        wrongs += [
            Wrong(f"/keep/{name[:64]}", "invalid", "Must be a field and one of the two contacts.")
            for name, side in keep.items()
            if side not in sides or not (name in PICKABLE or name.startswith("attr."))
        ]
    lift = body.get("lift") or []
    if not isinstance(lift, list) or not all(isinstance(item, str) for item in lift):
        wrongs.append(Wrong("/lift", "invalid", "Must be a list of ids."))
    if wrongs:
        raise InvalidError(wrongs)
    picks = tuple(Pick(field=name, contact=side) for name, side in sorted(keep.items()))
    return MergeOrder(str(into), body.get("survivor"), picks, tuple(lift))


def read_owners(body: Any, region: str | None) -> tuple[Owner, ...]:
    """``{"owners"?: {"email:ada@example.com": contact id}}``. Raises InvalidError."""
    owners = body.get("owners") or {}
    if not isinstance(owners, dict):
        raise invalid("/owners", "Must be an object.")
    wrongs, found = [], []
    for name, contact in owners.items():
        kind, _, value = name.partition(":")
        key = _key_of(kind, value, region)
        if key is None or not isinstance(contact, str):
            # The name is the value of an identifier: no problem repeats it.
            wrongs.append(Wrong("/owners", "invalid", "Each must be an identifier and a contact."))
        else:
            found.append(Owner(type=_type_of(kind), key=key, contact=contact))
    if wrongs:
        raise InvalidError(wrongs)
    return tuple(found)


def _key_of(kind: str, value: str, region: str | None) -> str | None:
    match kind:
        case "email":
            return email_key(value)
        case "phone":
            return phone_key(value, region)
        case _:
            known = kind == "external_id" or kind in get_args(IdentifierType)
            return value if known and value else None


def _type_of(kind: str) -> IdentifierType:
    return "user" if kind == "external_id" else cast(IdentifierType, kind)
