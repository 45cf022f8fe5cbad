"""The form for a contact's profile, to add one and to edit one."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from contacts_api import actions
from contacts_api.dashboard import words
from contacts_api.dashboard.contact_pages import in_words, notice_of
from contacts_api.dashboard.visit import Visit, see_other
from service_kit.problems import Problem

FIELDS: Final = (
    ("external_id", "External id", "text", 255, "Your own id of this person. It stays as it is."),
    ("name", "Name", "text", 255, None),
    ("email", "E-mail", "email", 320, "A proven address stays first; yours is listed after it."),
    ("phone", "Phone", "tel", 40, "With country code. A proven number stays first."),
    ("company", "Company", "text", 255, None),
)  # fmt: skip
NAMES: Final = tuple(field[0] for field in FIELDS)


async def show_new(visit: Visit) -> Response:
    return _form(visit, None, {})


async def create(visit: Visit) -> Response:
    row: dict[str, Any] = {
        name: visit.form[name].strip() for name in NAMES if visit.form.get(name, "").strip()
    }
    row |= _attributes(visit.form, {})
    try:
        written = await actions.create_contact(visit.state, visit.principal, row, once=visit.once)
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return _form(visit, None, visit.form, problem=problem)
    if written.contact is None:
        return see_other(f"{visit.base}/contacts")
    notice = {"created": "created", "updated": "exists"}.get(written.outcome, "unchanged")
    return see_other(f"{visit.base}/contacts/{written.contact['id']}", notice)


async def show_edit(visit: Visit) -> Response:
    contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
    return _form(visit, contact, {})


async def save(visit: Visit) -> Response:
    contact = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
    change = _changed_fields(visit.form, contact)
    if not change:
        return see_other(visit.here, "unchanged")
    version = int(visit.form["version"]) if visit.form.get("version", "").isdigit() else None
    try:
        written = await actions.edit_contact(
            visit.state, visit.principal, visit.contact_id, change, expected_version=version
        )
    except Problem as problem:
        if problem.status == HTTPStatus.PRECONDITION_FAILED:
            now = await actions.get_contact(visit.state, visit.principal, visit.contact_id)
            return _conflict(visit, now)
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return _form(visit, contact, visit.form, problem=problem)
    return see_other(visit.here, notice_of(written))


def _changed_fields(form: Mapping[str, str], contact: Mapping[str, Any]) -> dict[str, Any]:
    """Only what the person changed, so that a field that he left alone does not become his word."""
    change: dict[str, Any] = {}
    for name in NAMES:
        if name not in form or name == "external_id":
            continue
        value = form[name].strip() or None
        if value != (contact.get(name) or None):
            change[name] = value
    return change | _attributes(form, contact["custom_attributes"])


def _attributes(form: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Any]:
    change: dict[str, Any] = {}
    for name, value in form.items():
        key = name.removeprefix("attr.")
        if name.startswith("attr.") and key in known and value.strip() != form.get(f"was.{key}"):
            change[key] = _typed(value.strip(), known[key])
    if form.get("new_key", "").strip():
        change[form["new_key"].strip()] = form.get("new_value", "").strip() or None
    return {"custom_attributes": change} if change else {}


def _typed(text: str, before: Any) -> Any:
    """The text as a value of the kind that was there; what does not fit is sent as it is and
    refused.
    """
    if not text:
        return None
    if isinstance(before, bool):
        return {"yes": True, "true": True, "no": False, "false": False}.get(text.lower(), text)
    if isinstance(before, int | float):
        try:
            return int(text)
        except ValueError:
            try:
                return float(text)
            except ValueError:
                return text
    if isinstance(before, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _conflict(visit: Visit, contact: Mapping[str, Any]) -> Response:
    """Somebody saved first: his values beside these, and the form once more, bound to the new
    version.
    """
    changed = [
        (label, contact.get(name), visit.form.get(name, ""))
        for name, label, *_ in FIELDS
        if name in visit.form and visit.form[name].strip() != (contact.get(name) or "")
    ]
    return _form(visit, contact, visit.form, changed=changed, status=HTTPStatus.CONFLICT)


def _form(
    visit: Visit,
    contact: Mapping[str, Any] | None,
    typed: Mapping[str, str],
    problem: Problem | None = None,
    changed: list[tuple[str, Any, str]] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    wrong = _wrong(problem) if problem else {}
    known = contact or {}
    here = f"{visit.base}/contacts/{known['id']}" if contact else f"{visit.base}/contacts"
    return visit.show(
        "contact_form.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else status,
        title=f"Edit {words.display_name(contact)}" if contact else "Add a contact",
        c=contact,
        here=here,
        action=f"{here}/edit" if contact else f"{here}/new",
        version=known.get("version"),
        wrong=wrong,
        known_fields=frozenset(NAMES),
        changed=changed,
        fields=[
            {
                "name": name, "label": label, "type": kind, "max": most, "hint": hint,
                "value": typed.get(name, known.get(name) or ""),
                "fixed": name == "external_id" and contact is not None,
            }
            for name, label, kind, most, hint in FIELDS
        ],
        attributes=[
            {"key": key, "label": key, "value": typed.get(f"attr.{key}", words.attribute(value))}
            for key, value in (known.get("custom_attributes") or {}).items()
        ],
    )  # fmt: skip


def _wrong(problem: Problem) -> dict[str, str]:
    """Findings by the name of the form's field; `/custom_attributes/plan` is the field
    `attr.plan`.
    """
    found = {}
    for error in problem.errors:
        name = error.field.removeprefix("/").replace("custom_attributes/", "attr.")
        found[name.replace("~1", "/").replace("~0", "~")] = error.detail
    return found or {"": in_words(problem)}
