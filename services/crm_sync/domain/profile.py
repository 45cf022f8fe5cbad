"""What crosses: the fields of a folded profile as text, and a CRM's properties made of them."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from contact_schema.changes import Snapshot

KEY_PROPERTY: Final = "kith_contact_id"
OWN_PROPERTIES: Final = {
    KEY_PROPERTY: "Kith contact",
    "kith_audience": "Kith audience",
    "kith_tags": "Kith tags",
}
"""Properties that Kith makes in the CRM, with their labels. The key is unique."""

DEFAULT_FIELD_MAP: Final[Mapping[str, str]] = {
    "email": "email",
    "first_name": "firstname",
    "last_name": "lastname",
    "phone": "phone",
    "company": "company",
    "audience": "kith_audience",
    "tags": "kith_tags",
}


def fields_of(snapshot: Snapshot, wanted: Collection[str]) -> dict[str, str]:
    """The wanted fields that the profile shows. What a visitor merely said is not in it."""
    first, _, last = (snapshot.name or "").strip().partition(" ")
    core = {
        "email": snapshot.email,
        "first_name": first,
        "last_name": last.strip(),
        "phone": snapshot.phone,
        "company": snapshot.company,
        "external_id": snapshot.external_id,
        "audience": snapshot.audience.value,
        "tags": ";".join(sorted(snapshot.tags)),
    }
    attributes = {f"attr.{key}": _text(value) for key, value in snapshot.custom_attributes.items()}
    known = {**attributes, **core}
    return {name: value for name in sorted(wanted) if (value := known.get(name))}


def properties_of(fields: Mapping[str, str], field_map: Mapping[str, str]) -> dict[str, str]:
    """Every mapped property, blank where the profile has nothing."""
    return {target: fields.get(source, "") for source, target in field_map.items()}


def differences(
    properties: Mapping[str, str], base: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """What Kith holds otherwise than at the last agreement.

    A blank goes out only where Kith itself once wrote a value: it never beats one of the CRM's.
    """
    return {
        name: value
        for name, value in properties.items()
        if value != base.get(name, {}).get("kith", "")
    }


def blanks_to_fill(properties: Mapping[str, str], remote: Mapping[str, str]) -> dict[str, str]:
    """For a record that the CRM had before: what Kith knows and the CRM does not."""
    return {name: value for name, value in properties.items() if value and not remote.get(name)}


def agreed(properties: Mapping[str, str], returned: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The new base. Both sides stand in it: a CRM that trims a value would look changed forever."""
    return {
        name: {"kith": value, "crm": returned.get(name, value)}
        for name, value in properties.items()
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
