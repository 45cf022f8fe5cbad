"""The contacts of one portal and the rules that HubSpot holds them to."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

READ_ONLY = frozenset({"hs_object_id", "createdate", "lastmodifieddate"})
STANDARD = (
    "email", "firstname", "lastname", "phone", "mobilephone", "company", "website", "jobtitle",
    "address", "city", "state", "zip", "country", "lifecyclestage", "hs_lead_status",
    "hs_additional_emails", *sorted(READ_ONLY),
)  # fmt: skip
STAGES = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity",
    "customer", "evangelist", "other",
)  # fmt: skip
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
MAX_UNIQUE = 10
LONGEST_VALUE = 65_536
FIRST_ID = 8801


class Refusal(Exception):
    """The portal refuses a request; holds the status and the error body."""

    def __init__(self, status: int, category: str, message: str, **more: object) -> None:
        super().__init__(category)
        self.status = status
        self.body = {"status": "error", "category": category, "message": message, **more}


def invalid(name: str, error: str, message: str) -> Refusal:
    details = [{"isValid": False, "name": name, "error": error, "message": message}]
    return Refusal(
        400, "VALIDATION_ERROR", f"Property values were not valid: {json.dumps(details)}"
    )


def not_found(object_id: str) -> Refusal:
    return Refusal(
        404,
        "OBJECT_NOT_FOUND",
        "Object not found.  objectId are usually numeric.",
        context={"ids": [object_id]},
    )


@dataclass(frozen=True)
class Contact:
    id: str
    properties: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    archived: bool = False

    def body(self, names: Sequence[str] | None = None) -> dict[str, object]:
        known = {
            **self.properties,
            "hs_object_id": self.id,
            "createdate": stamp(self.created_at),
            "lastmodifieddate": stamp(self.updated_at),
        }
        wanted = {*(names if names else ("email", "firstname", "lastname")), *READ_ONLY}
        shown = known if names is None else {name: known.get(name) for name in wanted}
        return {
            "id": self.id,
            "properties": shown,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
            "archived": self.archived,
        }


@dataclass
class Definition:
    name: str
    label: str
    unique: bool = False
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    description: str = ""

    def body(self) -> dict[str, object]:
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": self.group,
            "description": self.description,
            "hasUniqueValue": self.unique,
            "options": [],
            "hidden": False,
            "formField": False,
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": False,
                "readOnlyValue": self.name in READ_ONLY,
            },
        }


@dataclass
class Portal:
    """One account. ``now`` gives the time of every write."""

    now: Callable[[], datetime]
    contacts: dict[str, Contact] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(
        default_factory=lambda: {name: Definition(name, name) for name in STANDARD}
    )
    blocked_addresses: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    """Ids that a merge replaced, each with the id that answers for it now."""
    _unique: dict[tuple[str, str], str] = field(default_factory=dict)
    _undo: list[tuple[str, Contact | None]] = field(default_factory=list)

    def get(self, object_id: str, by: str | None = None) -> Contact:
        if by not in (None, "", "hs_object_id", "email") and not self._is_unique(by or ""):
            raise Refusal(400, "VALIDATION_ERROR", f"{by} is not a unique property.")
        found = self.find(object_id, by)
        if found is None or found.archived:
            raise not_found(object_id)
        return found

    def find(self, object_id: str, by: str | None = None) -> Contact | None:
        if by in (None, "", "hs_object_id"):
            return self.contacts.get(self.aliases.get(object_id, object_id))
        holder = self._unique.get((by or "", _unique_form(by or "", object_id)))
        return self.contacts.get(holder) if holder else None

    def create(self, properties: Mapping[str, object]) -> Contact:
        values = self._checked(properties, None)
        at = self.now()
        contact = Contact(str(FIRST_ID + len(self.contacts)), values, at, at)
        self._put(contact)
        # Creating somebody who was deleted for good brings him back: the blocklist does not stop it
        self.blocked_addresses.discard(values.get("email", "").lower())
        return contact

    def update(self, contact: Contact, properties: Mapping[str, object]) -> Contact:
        values = self._checked(properties, contact)
        merged = {**contact.properties, **self._forward_only(contact, values)}
        kept = {name: value for name, value in merged.items() if value != ""}
        changed = replace(contact, properties=kept, updated_at=self.now())
        self._put(changed)
        return changed

    def archive(self, object_id: str) -> None:
        contact = self.contacts.get(object_id)
        if contact is not None and not contact.archived:
            self._put(replace(contact, archived=True))

    def purge(self, object_id: str, by: str | None) -> None:
        """Delete for good. An unknown e-mail lands on the blocklist, as it does at HubSpot."""
        contact = self.find(object_id, by)
        if contact is None:
            if by == "email":
                self.blocked_addresses.add(object_id.lower())
                return
            raise not_found(object_id)
        for address in _addresses(contact):
            self.blocked_addresses.add(address)
        self._put(replace(contact, archived=True, properties={}))

    def merge(self, primary_id: str, other_id: str) -> Contact:
        """One record under a new id; the primary's values win, the other's address stays too."""
        primary, other = self.get(primary_id), self.get(other_id)
        if primary.id == other.id:
            raise Refusal(400, "VALIDATION_ERROR", "Cannot merge an object to itself.")
        values = {**other.properties, **primary.properties}
        own, *more = [*_addresses(primary), *_addresses(other)] or [""]
        values.update({"email": own, "hs_additional_emails": ";".join(more)})
        for old in (primary, other):
            self._put(replace(old, archived=True))
        at = self.now()
        kept = {name: value for name, value in values.items() if value}
        merged = Contact(str(FIRST_ID + len(self.contacts)), kept, at, at)
        self._put(merged)
        replaced = {
            primary.id,
            other.id,
            *(a for a, to in self.aliases.items() if to in (primary.id, other.id)),
        }
        self.aliases.update(dict.fromkeys(replaced, merged.id))
        return merged

    def define(self, definition: Definition) -> Definition:
        if definition.name in self.definitions:
            raise Refusal(
                409,
                "OBJECT_ALREADY_EXISTS",
                f"A property named '{definition.name}' already exists.",
            )
        if definition.unique and sum(d.unique for d in self.definitions.values()) >= MAX_UNIQUE:
            raise Refusal(400, "VALIDATION_ERROR", "Too many unique properties.")
        self.definitions[definition.name] = definition
        return definition

    def mark(self) -> None:
        self._undo.clear()

    def roll_back(self) -> None:
        """Take back every write since `mark`: one bad input fails its whole batch."""
        for object_id, before in reversed(self._undo):
            self._forget(self.contacts[object_id])
            if before is None:
                del self.contacts[object_id]
            else:
                self.contacts[object_id] = before
                self._remember(before)
        self._undo.clear()

    def _checked(self, properties: Mapping[str, object], own: Contact | None) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in properties.items():
            values[name] = self._checked_value(name, value)
        for name, value in values.items():
            self._check_unique(name, value, own)
        return values if own else {name: value for name, value in values.items() if value != ""}

    def _checked_value(self, name: str, value: object) -> str:
        if name not in self.definitions:
            raise invalid(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
        if name in READ_ONLY:
            raise invalid(name, "READ_ONLY_VALUE", f"{name} is a read only property")
        if not isinstance(value, str):
            raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: values must be strings")
        if len(value) > LONGEST_VALUE:
            raise invalid(name, "PROPERTY_VALUE_TOO_LONG", f"{name} is longer than 65536")
        if name == "email" and value and not ADDRESS.fullmatch(value):
            raise invalid(name, "INVALID_EMAIL", f"Email address {value} is invalid")
        if name == "lifecyclestage" and value and value not in STAGES:
            raise invalid(name, "INVALID_OPTION", f"{value} was not one of the allowed options")
        return value.strip().lower() if name == "email" else value.strip()

    def _check_unique(self, name: str, value: str, own: Contact | None) -> None:
        if not value or not (name == "email" or self._is_unique(name)):
            return
        holder = self._unique.get((name, _unique_form(name, value)))
        if holder is None or (own is not None and holder == own.id):
            return
        if name == "email":
            raise Refusal(409, "CONFLICT", f"Contact already exists. Existing ID: {holder}")
        raise invalid(name, "CONFLICTING_UNIQUE_VALUE", f"{holder} already has that value.")

    def _forward_only(self, contact: Contact, values: dict[str, str]) -> dict[str, str]:
        before, after = contact.properties.get("lifecyclestage"), values.get("lifecyclestage")
        if before and after and STAGES.index(after) < STAGES.index(before):
            return {name: value for name, value in values.items() if name != "lifecyclestage"}
        return values

    def _is_unique(self, name: str) -> bool:
        return name in self.definitions and self.definitions[name].unique

    def _put(self, contact: Contact) -> None:
        before = self.contacts.get(contact.id)
        self._undo.append((contact.id, before))
        if before is not None:
            self._forget(before)
        self.contacts[contact.id] = contact
        self._remember(contact)

    def _remember(self, contact: Contact) -> None:
        if not contact.archived:
            self._unique.update(dict.fromkeys(self._unique_values(contact), contact.id))

    def _forget(self, contact: Contact) -> None:
        for unique in self._unique_values(contact):
            if self._unique.get(unique) == contact.id:
                del self._unique[unique]

    def _unique_values(self, contact: Contact) -> list[tuple[str, str]]:
        return [("email", address) for address in _addresses(contact)] + [
            (name, value) for name, value in contact.properties.items() if self._is_unique(name)
        ]


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _addresses(contact: Contact) -> list[str]:
    more = contact.properties.get("hs_additional_emails", "").split(";")
    return [a.strip().lower() for a in (contact.properties.get("email", ""), *more) if a.strip()]


def _unique_form(name: str, value: str) -> str:
    return value.strip().lower() if name == "email" else value.strip()
