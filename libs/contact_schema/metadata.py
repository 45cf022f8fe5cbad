"""What the metadata of a user says, wherever it came in: fields by name, and addresses."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from contact_schema.observations import IdentifierType, ObservedIdentifier, Proof
from contact_schema.values import email_key, is_blocked, phone_key

CORE_FIELDS: Final = {"name": str, "company": str, "plan": str}
SYSTEM_FIELDS: Final = {"audience": str, "stripe_accounts": list}
"""Core fields that only the customer's own server sets; anybody else's are attributes."""


def metadata_fields(metadata: Mapping[str, Any], vouched: bool) -> dict[str, Any]:
    """Fields by name; what is not of the field's type is kept as an attribute of that name.

    ``vouched``: the customer's own server says it.
    """
    core = CORE_FIELDS | SYSTEM_FIELDS if vouched else CORE_FIELDS
    fields: dict[str, Any] = {}
    for name, value in metadata.items():
        if name in {"email", "phone"} and (value is None or isinstance(value, str)):
            continue
        known = core.get(name)
        if known and (value is None or isinstance(value, known)):
            fields[name] = value
        else:
            fields[f"attr.{name}"] = value
    return fields


def address(
    kind: IdentifierType,
    given: Any,
    proof: Proof,
    region: str | None,
    blocked: Sequence[str] = (),
) -> Iterator[ObservedIdentifier]:
    """The ``email`` or ``phone`` that was given, if it is a text; with its key if it may link.

    ``region`` is where a number without country code belongs (ISO 3166 alpha-2); ``blocked`` are
    the agent's own values that name nobody.
    """
    if not isinstance(given, str) or not given.strip():
        return
    key = email_key(given) if kind == "email" else phone_key(given, region)
    if key and is_blocked(kind, key, blocked):
        key = None
    yield ObservedIdentifier(type=kind, key=key, given=given, proof=proof)
