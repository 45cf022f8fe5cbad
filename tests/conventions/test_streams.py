"""What a service takes and gives: its wiring, its README and deploy/topics.yaml say the same."""

import ast
import re
from importlib import import_module
from typing import Any

import pytest
import yaml

from contact_schema.messages import BY_TYPE
from tests.conventions.places import ROOT, SERVICES, files, rooms, service, tree

ROUTES: dict[str, Any] = {
    message: route
    for topic in yaml.safe_load((ROOT / "deploy" / "topics.yaml").read_text("utf-8"))[
        "topics"
    ].values()
    for message, route in topic["messages"].items()
    if message in BY_TYPE
}


def routed(name: str, role: str) -> set[str]:
    return {message for message, route in ROUTES.items() if name in route[role]}


def consumed(name: str) -> set[str]:
    """Messages of its streams and replicas, as they are wired in `app.py`."""
    module = import_module(f"{name}.app")
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in rooms(name, "app")
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call)
        for argument in _message_arguments(call)
        for node in ast.walk(argument)
        if isinstance(node, ast.Name | ast.Attribute)
    }
    constants = {message for name in names for message in _types(getattr(module, name, None))}
    return constants | (names & set(BY_TYPE))


def _message_arguments(call: ast.Call) -> list[ast.expr]:
    match getattr(call.func, "id", ""):
        case "Stream":
            named = [keyword.value for keyword in call.keywords if keyword.arg == "messages"]
            return [*call.args[2:], *named]
        case "Replica":
            return call.args
        case _:
            return []


def _types(value: object) -> set[str]:
    parts = value if isinstance(value, tuple | list) else (value,)
    return {part.__name__ for part in parts if part in BY_TYPE.values() and isinstance(part, type)}


def emitted(name: str) -> set[str]:
    """Messages that it makes, anywhere in its code."""
    made = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for path in files(f"services/{name}", suffix=".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
    }
    return made & set(BY_TYPE)


def documented(name: str, heading: str) -> set[str]:
    text = (service(name) / "README.md").read_text("utf-8")
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"{name} has no heading {heading}"
    return set(re.findall(r"\b[A-Z][A-Za-z]+\b", section[1])) & set(BY_TYPE)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_consumes_what_it_is_said_to_consume(name: str) -> None:
    assert consumed(name) == routed(name, "readers")
    assert consumed(name) == documented(name, "Consumes")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_emits_what_it_is_said_to_emit_and_nothing_that_is_not_its_own(
    name: str,
) -> None:
    assert emitted(name) == documented(name, "Emits")
    assert not emitted(name) - routed(name, "writers")


@pytest.mark.parametrize("message", sorted(ROUTES))
def test_every_message_has_somebody_who_reads_it(message: str) -> None:
    assert ROUTES[message]["readers"]
    assert ROUTES[message]["writers"]
