"""SQL stands in one place, by name, and holds against the database as it is migrated."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

import asyncpg
import pytest

from tests.conventions.places import ROOT, SERVICES, files, relative, rooms, service, tree


class Statement(NamedTuple):
    where: str
    name: str
    comment: str
    text: str


STATEMENT = re.compile(r"^-- name: (\w+)\n((?:--[^\n]*\n)*)(.*?)(?=^-- name: |\Z)", re.M | re.S)


def statements(*folders: str) -> list[Statement]:
    return [
        Statement(relative(path), *found.groups())
        for path in files(*folders, suffix=".sql")
        if "migrations" not in path.parts
        for found in STATEMENT.finditer(path.read_text("utf-8"))
    ]


ALL = statements("services", "libs/service_kit")
NAMES = [f"{statement.where}:{statement.name}" for statement in ALL]


def test_every_statement_outside_a_migration_has_a_name() -> None:
    """Also guards the tests below: a statement without a name would not be looked at."""
    for path in files("services", "libs/service_kit", suffix=".sql"):
        if "migrations" not in path.parts:
            before = path.read_text("utf-8").partition("-- name: ")[0]
            assert not re.sub(r"--.*", "", before).strip(), relative(path)
    assert len(NAMES) == len(set(NAMES))


# Made from another query's text, which has the name.
DERIVED = {"contacts_api": {"count_contacts": "counts the rows of list_contacts"}}


@pytest.mark.parametrize("name", SERVICES)
def test_every_query_has_one_store_function_of_its_name(name: str) -> None:
    queries = {statement.name for statement in statements(f"services/{name}")}
    functions = [
        node.name
        for path in rooms(name, "store")
        for node in tree(path).body
        if isinstance(node, ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not _copies_rows(node)
    ]
    assert set(functions) == queries | set(DERIVED.get(name, ()))
    assert len(functions) == len(set(functions))
    assert queries


def _copies_rows(function: ast.AsyncFunctionDef) -> bool:
    """COPY has no statement of its own to name."""
    return any(
        isinstance(node, ast.Attribute) and node.attr == "copy" and ast.unparse(node) == "tx.copy"
        for node in ast.walk(function)
    )


# Who speaks to the database beside the store, and why.
OWN_CONNECTION = {
    "services/crm_sync/lease.py": "locks of a session, on a connection that does nothing else"
}


@pytest.mark.parametrize("name", SERVICES)
def test_only_the_store_sends_statements(name: str) -> None:
    """Routes and handlers that fetch rows themselves would have SQL of their own before long."""
    sends = {"fetch", "fetchrow", "fetchval", "execute", "executemany"}
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in set(files(f"services/{name}", suffix=".py")) - set(rooms(name, "store"))
        if relative(path) not in OWN_CONNECTION
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in sends
    ]
    assert not found


@pytest.mark.parametrize("statement", ALL, ids=NAMES)
def test_a_query_lists_its_parameters_above_it(statement: Statement) -> None:
    assert set(re.findall(r"\$\d+", statement.text)) == set(re.findall(r"\$\d+", statement.comment))


@pytest.mark.parametrize("statement", ALL, ids=NAMES)
def test_a_query_names_its_columns_and_is_one_statement(statement: Statement) -> None:
    text = re.sub(r"--.*", "", statement.text)
    assert not re.search(r"\bSELECT\s+(\w+\.)?\*", text, re.IGNORECASE)
    assert not re.search(r"\bRETURNING\s+\*", text, re.IGNORECASE)
    assert text.strip().rstrip(";").count(";") == 0


def every_text(name: str) -> Iterator[tuple[str, str]]:
    for statement in statements(f"services/{name}", "libs/service_kit"):
        yield f"{statement.where}:{statement.name}", statement.text
    if name == "contacts_api":
        listing = import_module("contacts_api.store.listing")
        yield from ((query.name, query.text) for query in listing.VARIANTS.values())


@pytest.mark.parametrize("name", SERVICES)
async def test_every_query_prepares_as_the_service_itself(name: str, database: str) -> None:
    """As the service's own role: a statement that reaches into another schema fails here."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(f"SET ROLE kith_{name}")
        await connection.execute(f"SET search_path = {name}")
        refused = []
        for statement in statements(f"services/{name}", "libs/service_kit"):
            try:
                await connection.prepare(statement.text)
            except asyncpg.PostgresError as error:
                refused.append(f"{statement.where}:{statement.name}: {error}")
        assert not refused
    finally:
        await connection.close()


NOT_IN_15 = re.compile(
    r"\buuidv7\s*\(|\bMERGE\s+INTO\b[^;]*\bRETURNING\b|\bRETURNING\s+(WITH|old\.|new\.)"
    r"|\bANY_VALUE\s*\(|\bJSON_TABLE\b|\bVIRTUAL\b",
    re.IGNORECASE,
)


def test_no_statement_needs_more_than_the_oldest_supported_database() -> None:
    found = [
        relative(path)
        for path in files("services", "libs/service_kit", suffix=".sql")
        if NOT_IN_15.search(re.sub(r"--.*", "", path.read_text("utf-8")))
    ]
    assert not found


@pytest.mark.parametrize("name", SERVICES)
def test_statements_name_the_schema_of_their_own_service_only(name: str) -> None:
    others = [other for other in SERVICES if other != name]
    reach = re.compile(rf"\b({'|'.join(others)})\.\w+", re.IGNORECASE)
    found = [
        f"{relative(path)}: {reached.group()}"
        for path in files(f"services/{name}", suffix=".sql")
        for reached in reach.finditer(re.sub(r"--.*", "", path.read_text("utf-8")))
    ]
    assert not found
    assert service(name).is_relative_to(ROOT)


@pytest.mark.parametrize("statement", ALL, ids=NAMES)
def test_a_statement_leaves_nothing_behind_in_its_session(statement: Statement) -> None:
    """Sessions of the pool are not reset between transactions."""
    settings = re.findall(r"set_config\([^)]*, (\w+)\)", statement.text)
    assert set(settings) <= {"true"}
    assert not re.search(r"\bSET (?!LOCAL)\w+ (?:=|TO)\b|\bLISTEN\b|\bDECLARE\b", statement.text)
    if statement.name != "try_relay_lock":  # on a connection of the relay's own
        assert not re.search(r"pg_(?:try_)?advisory_lock", statement.text)
