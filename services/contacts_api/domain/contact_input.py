"""Bodies that make or change a contact: what they say, or every field that is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from contact_schema.observations import ObservedIdentifier
from contact_schema.values import email_key, external_id, is_blocked, phone_key
from contacts_api.domain.invalid import InvalidError, Wrong

MAX_TAGS: Final = 50
MAX_ATTRIBUTES: Final = 50
MAX_TAG_CHARACTERS: Final = 64
MAX_KEY_CHARACTERS: Final = 64
MAX_TEXT_CHARACTERS: Final = 500
MAX_VALUE_CHARACTERS: Final = 2_000
MAX_STRIPE_ACCOUNTS: Final = 10
STRIPE_FIELDS: Final = ("label", "stripe_id", "stripe_email")
CREATE_FIELDS: Final = (
    "external_id", "name", "email", "phone", "company", "stripe_accounts", "custom_attributes",
    "tags", "audience",
)  # fmt: skip
EDIT_FIELDS: Final = (
    "name", "email", "phone", "company", "stripe_accounts", "custom_attributes", "tags",
    "add_tags", "remove_tags", "audience",
)  # fmt: skip

_PHONE_LIKE: Final = re.compile(r"[\d\s().+/;=xet-]{5,64}", re.IGNORECASE)


@dataclass(frozen=True)
class Rules:
    """What the agent's settings say about values."""

    region: str | None = None
    blocked: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewContact:
    external_id: str | None
    identifiers: tuple[ObservedIdentifier, ...]
    fields: dict[str, Any]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    fields: dict[str, Any]
    replace_tags: tuple[str, ...] | None
    add_tags: tuple[str, ...]
    remove_tags: tuple[str, ...]


@dataclass
class Reading:
    """Collects what is wrong while the rest is read on."""

    body: Mapping[str, Any]
    rules: Rules
    wrongs: list[Wrong] = field(default_factory=list)
    limit: bool = False

    def wrong(self, name: str, detail: str, code: str = "invalid") -> None:
        self.wrongs.append(Wrong(f"/{name}", code, detail))
        self.limit |= code == "limit"

    def finish(self) -> None:
        if self.wrongs:
            raise InvalidError(self.wrongs, "limit" if self.limit else "invalid")


def read_new_contact(body: Any, rules: Rules) -> NewContact:
    """A row of `POST /v1/contacts`. Raises InvalidError."""
    reading = _start(body, CREATE_FIELDS, rules)
    user = _external_id(reading)
    identifiers = [] if user is None else [_asserted("user", user, user)]
    for name in ("email", "phone"):
        address = _address(reading, name)
        if address is not None:
            identifiers.append(_asserted(name, address["key"], address["given"]))
    linkable = any(i.key is not None for i in identifiers)
    if not linkable and not reading.wrongs:
        reading.wrong("external_id", "Without an external id it needs an e-mail or a phone number.")
    fields = _fields(reading)
    if reading.body.get("audience") is not None:
        _audience(reading, fields)
    tags = _tags(reading, "tags")
    reading.finish()
    return NewContact(user, tuple(identifiers), fields, tags or ())


def read_edit(body: Any, rules: Rules) -> Edit:
    """A body of `PATCH /v1/contacts/{id}`: sent fields only. Raises InvalidError."""
    reading = _start(body, EDIT_FIELDS, rules)
    fields = _fields(reading)
    for name in ("email", "phone"):
        if name in reading.body:
            fields[name] = _address(reading, name)
    if "audience" in reading.body:
        _audience(reading, fields)
    replace, add, remove = (_tags(reading, name) for name in ("tags", "add_tags", "remove_tags"))
    if replace is not None and (add or remove):
        reading.wrong("tags", "Replaces all tags, so it cannot go with add_tags or remove_tags.")
    reading.finish()
    return Edit(fields, replace, add or (), remove or ())


def _start(body: Any, known: Sequence[str], rules: Rules) -> Reading:
    if not isinstance(body, dict):
        raise InvalidError([Wrong("", "invalid", "Must be an object.")])
    reading = Reading(body, rules)
    for name in body:
        if name == "external_id" and "external_id" not in known:
            reading.wrong(name, "Is fixed once it is set.")
        elif name not in known:
            pointer = name.replace("~", "~0").replace("/", "~1")[:MAX_KEY_CHARACTERS]
            reading.wrong(pointer, "There is no such field here.", "unknown-field")
    return reading


def _asserted(kind: Any, key: str | None, given: str) -> ObservedIdentifier:
    return ObservedIdentifier(type=kind, key=key, given=given, proof="asserted")


def _external_id(reading: Reading) -> str | None:
    given = reading.body.get("external_id")
    if given is None:
        return None
    user = external_id(given) if isinstance(given, str) else None
    if user is None or is_blocked("user", user, reading.rules.blocked):
        reading.wrong("external_id", "Must be a text of 1 to 128 characters that names somebody.")
        return None
    return user


def _address(reading: Reading, name: str) -> dict[str, Any] | None:
    """``{"key", "given"}``; the key is None for what is well formed and must not link."""
    given = reading.body.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > MAX_TEXT_CHARACTERS:
        reading.wrong(name, f"Must be a text of at most {MAX_TEXT_CHARACTERS} characters.")
        return None
    rules = reading.rules
    key = email_key(given) if name == "email" else phone_key(given, rules.region)
    if key is None and not _may_be_shown(name, given):
        kind = "an e-mail address" if name == "email" else "a phone number"
        reading.wrong(name, f"Is not {kind}.")
        return None
    if key is not None and is_blocked(name, key, rules.blocked):
        key = None
    return {"key": key, "given": given}


def _may_be_shown(name: str, given: str) -> bool:
    """Placeholders and numbers of services are kept as given; they link nothing."""
    if name == "email":
        return "@" in given.strip("@ ") and is_blocked("email", given)
    return _PHONE_LIKE.fullmatch(given) is not None and sum(map(str.isdigit, given)) >= 5


def _fields(reading: Reading) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in ("name", "company"):
        if name in reading.body:
            fields[name] = _text(reading, name)
    if reading.body.get("custom_attributes") is not None:
        fields |= _attributes(reading)
    if reading.body.get("stripe_accounts") is not None:
        fields["stripe_accounts"] = _stripe_accounts(reading)
    return fields


def _text(reading: Reading, name: str) -> str | None:
    given = reading.body[name]
    if given is not None and (not isinstance(given, str) or len(given) > MAX_TEXT_CHARACTERS):
        reading.wrong(name, f"Must be a text of at most {MAX_TEXT_CHARACTERS} characters, or null.")
        return None
    return (given or "").strip() or None


def _attributes(reading: Reading) -> dict[str, Any]:
    given = reading.body["custom_attributes"]
    if not isinstance(given, dict):
        reading.wrong("custom_attributes", "Must be an object.")
        return {}
    if len(given) > MAX_ATTRIBUTES:
        reading.wrong("custom_attributes", f"At most {MAX_ATTRIBUTES} attributes.", "limit")
        return {}
    fields = {}
    for key, value in given.items():
        if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
            reading.wrong("custom_attributes", f"Keys have 1 to {MAX_KEY_CHARACTERS} characters.")
        elif not _is_attribute(value):
            pointer = key.replace("~", "~0").replace("/", "~1")
            reading.wrong(
                f"custom_attributes/{pointer}",
                f"Must be a text of at most {MAX_VALUE_CHARACTERS} characters, a number, true or"
                " false, a list of texts, or null.",
            )
        else:
            fields[f"attr.{key}"] = value
    return fields


def _is_attribute(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARACTERS
    if isinstance(value, list):
        return len(value) <= MAX_ATTRIBUTES and all(
            isinstance(item, str) and len(item) <= MAX_VALUE_CHARACTERS for item in value
        )
    return value is None or isinstance(value, int | float)


def _stripe_accounts(reading: Reading) -> list[dict[str, str | None]]:
    given, name = reading.body["stripe_accounts"], "stripe_accounts"
    if not isinstance(given, list) or not all(isinstance(account, dict) for account in given):
        reading.wrong(name, "Must be a list of objects.")
        return []
    if len(given) > MAX_STRIPE_ACCOUNTS:
        reading.wrong(name, f"At most {MAX_STRIPE_ACCOUNTS} accounts.", "limit")
        return []
    for index, account in enumerate(given):
        for key, value in account.items():
            pointer = f"{name}/{index}/{key}"[:MAX_VALUE_CHARACTERS]
            if key not in STRIPE_FIELDS:
                reading.wrong(pointer, "There is no such field here.", "unknown-field")
            elif value is not None and not (isinstance(value, str) and len(value) <= 255):
                reading.wrong(pointer, "Must be a text of at most 255 characters.")
        if not account.get("stripe_id"):
            reading.wrong(f"{name}/{index}/stripe_id", "Is needed.")
    return [{key: account.get(key) for key in STRIPE_FIELDS} for account in given]


def _audience(reading: Reading, fields: dict[str, Any]) -> None:
    given = reading.body["audience"]
    if given is not None and given not in reading.rules.audiences:
        reading.wrong("audience", f"One of {', '.join(reading.rules.audiences)}.")
    else:
        fields["audience"] = given


def _tags(reading: Reading, name: str) -> tuple[str, ...] | None:
    given = reading.body.get(name)
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
        reading.wrong(name, "Must be a list of texts.")
        return None
    tags = tuple(dict.fromkeys(tag.strip() for tag in given))
    if len(tags) > MAX_TAGS:
        reading.wrong(name, f"At most {MAX_TAGS} tags.", "limit")
        return None
    if not all(1 <= len(tag) <= MAX_TAG_CHARACTERS for tag in tags):
        reading.wrong(name, f"A tag has 1 to {MAX_TAG_CHARACTERS} characters.")
        return None
    return tags
