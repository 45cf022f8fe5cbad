"""Templates with a contact's values in them: a substitution, never code."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

MAX_CHARACTERS: Final = 16_384
FIELDS: Final = ("email", "name", "external_id", "phone")
_PLACE: Final = re.compile(
    rf"\{{\{{\s*contact\.(?:(?P<field>{'|'.join(FIELDS)})|attr\.(?P<key>[^\s{{}}]{{1,100}}))\s*\}}\}}"
)


def render(template: str, contact: Mapping[str, Any] | None) -> tuple[str, list[str]]:
    """The text, and the names that had no value, each once. Without a contact that is all of them.

    Fills ``{{contact.email}}``, ``.name``, ``.external_id``, ``.phone`` and ``.attr.<key>``, in one
    pass: a value that looks like a template stays as it is, like everything else.
    """
    missing: dict[str, None] = {}

    def fill(place: re.Match[str]) -> str:
        field, key = place["field"], place["key"]
        value = None
        if contact is not None:
            value = contact[field] if field else contact["custom_attributes"].get(key)
        if value is None or value == "":
            missing[f"contact.{field}" if field else f"contact.attr.{key}"] = None
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return _PLACE.sub(fill, template), list(missing)
