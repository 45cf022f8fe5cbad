"""The calls of HubSpot's contacts API: a method, a path and a body become a status and a body."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kith.standins.hubspot.portal import Contact, Definition, Portal, Refusal, not_found, stamp
from kith.standins.hubspot.search import search

Reply = tuple[int, dict[str, Any] | None]
Inputs = Sequence[Mapping[str, Any]]

OBJECTS = re.compile(
    r"^/crm/(?:v3/objects|objects/(?:v3|\d{4}-\d{2}))/(?:contacts|0-1)(?P<rest>/.*)?$"
)
PROPERTIES = re.compile(
    r"^/crm/(?:v3/properties|properties/(?:v3|\d{4}-\d{2}))/(?:contacts|0-1)(?:/(?P<name>[^/]+))?$"
)
ACCOUNT = re.compile(r"^/account-info/(?:v3|\d{4}-\d{2})/details$")
BATCH_LIMIT = 100
HISTORY_LIMIT = 50


def dispatch(
    portal: Portal,
    account: Mapping[str, object],
    method: str,
    path: str,
    query: Mapping[str, str],
    body: Any,
    multi_status: bool,
) -> Reply:
    """One call, done or refused; a refusal leaves the portal as it was."""
    portal.mark()
    try:
        if ACCOUNT.match(path) and method == "GET":
            return 200, dict(account)
        if found := PROPERTIES.match(path):
            return _property(portal, method, found["name"], body)
        if found := OBJECTS.match(path):
            rest = (found["rest"] or "").strip("/")
            return _objects(portal, method, rest, query, body, multi_status)
    except Refusal as refusal:
        portal.roll_back()
        return refusal.status, refusal.body
    return 404, {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "No such call."}


def _property(portal: Portal, method: str, name: str | None, body: Any) -> Reply:
    if name is None and method == "GET":
        return 200, {"results": [d.body() for d in portal.definitions.values()]}
    if name is None and method == "POST":
        return 201, portal.define(_definition(_object(body))).body()
    if name is not None and method == "GET":
        if name not in portal.definitions:
            raise not_found(name)
        return 200, portal.definitions[name].body()
    raise _method_not_allowed(method)


def _definition(body: Mapping[str, Any]) -> Definition:
    for required in ("name", "label", "type", "fieldType", "groupName"):
        if not isinstance(body.get(required), str):
            raise Refusal(400, "VALIDATION_ERROR", f"Invalid input JSON: {required} is required")
    return Definition(
        body["name"],
        body["label"],
        bool(body.get("hasUniqueValue")),
        body["type"],
        body["fieldType"],
        body["groupName"],
        str(body.get("description", "")),
    )


def _objects(
    portal: Portal,
    method: str,
    rest: str,
    query: Mapping[str, str],
    body: Any,
    multi_status: bool,
) -> Reply:
    if method == "POST" and rest.startswith("batch/"):
        return _batch(portal, rest.removeprefix("batch/"), _object(body), multi_status)
    match method, rest:
        case "POST", "":
            return 201, portal.create(_properties(_object(body))).body()
        case "GET", "":
            living = [c for c in portal.contacts.values() if not c.archived]
            return 200, {"results": [c.body(_names(query)) for c in living[:BATCH_LIMIT]]}
        case "POST", "search":
            return 200, search(portal, _object(body))
        case "POST", "merge":
            order = _object(body)
            ids = str(order.get("primaryObjectId", "")), str(order.get("objectIdToMerge", ""))
            return 200, portal.merge(*ids).body()
        case "POST", "gdpr-delete":
            order = _object(body)
            portal.purge(str(order.get("objectId", "")), order.get("idProperty"))
            return 204, None
        case (("GET" | "PATCH" | "DELETE"), object_id) if "/" not in object_id:
            return _single(portal, method, object_id, query, body)
    raise _method_not_allowed(method)


def _single(
    portal: Portal, method: str, object_id: str, query: Mapping[str, str], body: Any
) -> Reply:
    if method == "DELETE":
        portal.archive(object_id)
        return 204, None
    contact = portal.get(object_id, query.get("idProperty"))
    if method == "PATCH":
        return 200, portal.update(contact, _properties(_object(body))).body()
    return 200, contact.body(_names(query))


def _batch(portal: Portal, action: str, body: Mapping[str, Any], multi_status: bool) -> Reply:
    inputs = _inputs(body)
    match action:
        case "read":
            return _read(portal, body, inputs)
        case "archive":
            for item in inputs:
                portal.archive(str(item.get("id", "")))
            return 204, None
        case "create":
            return _write(portal, inputs, _create_one, 201, multi_status)
        case "update":
            # Without idProperty an e-mail as id is no id of any record: HubSpot drops it silently
            known = [i for i in inputs if i.get("idProperty") or str(i.get("id", "")).isdigit()]
            return _write(portal, known, _update_one, 200, multi_status)
        case "upsert":
            return _write(portal, inputs, _upsert_one, 200, multi_status)
    raise not_found(action)


def _write(
    portal: Portal,
    inputs: Inputs,
    one: Callable[[Portal, Mapping[str, Any]], dict[str, Any]],
    status: int,
    multi_status: bool,
) -> Reply:
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for item in inputs:
        trace = item.get("objectWriteTraceId")
        try:
            result = one(portal, item)
        except Refusal as refusal:
            # A missing record is always told apart; other refusals fail the batch by default
            if refusal.status != 404 and not multi_status:
                raise
            context = dict(refusal.body.get("context") or {})  # type: ignore[call-overload]
            if trace is not None:
                context["objectWriteTraceId"] = [trace]
            errors.append({**refusal.body, "context": context})
            continue
        results.append(result if trace is None else {**result, "objectWriteTraceId": trace})
    return _batch_answer(portal, results, errors, status)


def _batch_answer(
    portal: Portal, results: list[dict[str, Any]], errors: list[dict[str, Any]], status: int
) -> Reply:
    at = stamp(portal.now())
    answer: dict[str, Any] = {
        "status": "COMPLETE",
        "startedAt": at,
        "completedAt": at,
        "results": results,
    }
    if errors:
        return 207, {**answer, "numErrors": len(errors), "errors": errors}
    return status, answer


def _create_one(portal: Portal, item: Mapping[str, Any]) -> dict[str, Any]:
    return portal.create(_properties(item)).body()


def _update_one(portal: Portal, item: Mapping[str, Any]) -> dict[str, Any]:
    contact = portal.get(str(item["id"]), item.get("idProperty"))
    return portal.update(contact, _properties(item)).body()


def _upsert_one(portal: Portal, item: Mapping[str, Any]) -> dict[str, Any]:
    key, by = str(item.get("id", "")), item.get("idProperty")
    if not key or by is None:
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: id and idProperty are required")
    contact = _living(portal, key, by)
    if contact is not None:
        return {**portal.update(contact, _properties(item)).body(), "new": False}
    if by in ("", "hs_object_id"):
        raise not_found(key)
    return {**portal.create({by: key, **_properties(item)}).body(), "new": True}


def _living(portal: Portal, key: str, by: str) -> Contact | None:
    try:
        return portal.get(key, by)
    except Refusal as refusal:
        if refusal.status == 404:
            return None
        raise


def _read(portal: Portal, body: Mapping[str, Any], inputs: Inputs) -> Reply:
    if body.get("propertiesWithHistory") and len(inputs) > HISTORY_LIMIT:
        raise Refusal(400, "VALIDATION_ERROR", "At most 50 inputs with history.")
    results, errors = [], []
    for item in inputs:
        try:
            contact = portal.get(str(item.get("id", "")), body.get("idProperty"))
            results.append(contact.body(body.get("properties") or []))
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            errors.append(refusal.body)
    return _batch_answer(portal, results, errors, 200)


def _inputs(body: Mapping[str, Any]) -> Inputs:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(i, dict) for i in inputs):
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: inputs is required")
    if len(inputs) > BATCH_LIMIT:
        raise Refusal(400, "VALIDATION_ERROR", "The maximum number of inputs is 100.")
    return inputs


def _properties(body: Mapping[str, Any]) -> Mapping[str, object]:
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON: properties is required")
    return properties


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise Refusal(400, "VALIDATION_ERROR", "Invalid input JSON")
    return body


def _names(query: Mapping[str, str]) -> list[str]:
    return [name for name in query.get("properties", "").split(",") if name]


def _method_not_allowed(method: str) -> Refusal:
    return Refusal(405, "METHOD_NOT_ALLOWED", f"{method} is not allowed here.")
