"""What must not be in the sources, each with the failure that it prevents."""

import ast
import re
from pathlib import Path

import pytest

from tests.conventions.places import (
    SERVICES,
    SOURCES,
    files,
    imported,
    relative,
    service,
    tree,
)

PYTHON = list(files(*SOURCES, suffix=".py"))
BROKER_CLIENTS = {"faststream", "aiokafka"}
# The local stack and the topic commands speak to the broker before any service does.
MAY_SPEAK_KAFKA = re.compile(
    r"libs/service_kit/.+|services/[a-z_]+/app\.py|kith/.+|tests/faults/.+"
)


def test_only_the_kit_and_the_wiring_know_the_broker() -> None:
    others = [
        relative(path)
        for path in PYTHON
        if not MAY_SPEAK_KAFKA.fullmatch(relative(path))
        and BROKER_CLIENTS.intersection(name.partition(".")[0] for name in imported(path))
    ]
    assert not others


def test_a_service_imports_no_other_service() -> None:
    """Each is one process with one role in the database; shared code would be shared data."""
    neighbours = [
        f"{relative(path)} imports {module}"
        for name in SERVICES
        for path in files(f"services/{name}", suffix=".py")
        for module in imported(path)
        if (top := module.partition(".")[0]) in SERVICES and top != name
    ]
    assert not neighbours


PURE = {
    "__future__", "abc", "base64", "bisect", "collections", "contact_schema", "csv", "dataclasses",
    "datetime", "decimal", "enum", "functools", "hashlib", "heapq", "hmac", "io", "itertools",
    "json", "math", "operator", "re", "secrets", "statistics", "string", "struct", "types",
    "typing", "unicodedata", "urllib", "uuid", "zoneinfo",
}  # fmt: skip
NOT_PURE_CALLS = re.compile(
    r"datetime\.(datetime\.)?(now|utcnow|today)|date\.today|uuid\.uuid[14]|secrets\.\w+|open"
)


@pytest.mark.parametrize("name", SERVICES)
def test_a_domain_has_no_clock_network_database_or_chance(name: str) -> None:
    found = []
    for path in [*files(f"services/{name}/domain", suffix=".py"), service(name) / "domain.py"]:
        if not path.exists():
            continue
        own = {"cryptography", "jwt"} if name == "identity_verify" else set()
        tops = {module.partition(".")[0] for module in imported(path)}
        found += [f"{relative(path)} imports {top}" for top in tops - PURE - own - {name}]
        found += [
            f"{relative(path)}:{node.lineno} calls {called}"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call)
            and NOT_PURE_CALLS.fullmatch(called := ast.unparse(node.func))
        ]
    assert not found


DIGEST = re.compile(r"(^|_|\.)(digest|hash|hmac|signature|mac|token_hash|checksum)(_|$|\()")


def test_no_digest_is_compared_with_the_equals_sign() -> None:
    """`==` answers faster the sooner a byte differs, which tells a stranger how far he guessed."""
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in PYTHON
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(_is_digest(side) for side in (node.left, *node.comparators))
    ]
    assert not found


def _is_digest(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in {"digest", "hexdigest"}
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return bool(DIGEST.search(name))


SQL = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|TRUNCATE)\s+\S")


MAY_HOLD_SQL = {
    "services/contacts_api/store/listing.py": "orders of one query, each prepared by a test",
    "services/crm_sync/lease.py": "locks of a session, on a connection that does nothing else",
}


def test_no_statement_stands_in_python() -> None:
    """In queries.sql it has a name and is prepared by a test; put together from strings it has
    neither, and one day holds a value."""
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in files("services", suffix=".py")
        if relative(path) not in MAY_HOLD_SQL
        for node in ast.walk(tree(path))
        if isinstance(node, ast.expr) and SQL.match(_text(node))
    ]
    assert not found


def _text(node: ast.expr) -> str:
    """What a string begins with, up to its first value."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def test_no_template_switches_escaping_off() -> None:
    """A visitor's name is shown to the team: one unescaped value runs in their browsers."""
    unescaped = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")
    templates = [
        path for path in files("services", "kith") if path.suffix in {".html", ".j2", ".jinja"}
    ]
    found = [relative(path) for path in templates if unescaped.search(path.read_text("utf-8"))]
    found += [
        relative(path)
        for path in files("services", "kith", suffix=".py")
        if re.search(r"\bMarkup\(|autoescape\s*=\s*False", path.read_text("utf-8"))
    ]
    assert not found


REGISTRY = re.compile(
    r"\b(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|npmjs\.com|repo\.maven\.apache\.org"
    r"|repo1\.maven\.org|docker\.io|ghcr\.io|quay\.io|gcr\.io)\b|--(extra-)?index-url|<repositor",
    re.IGNORECASE,
)


def test_no_lock_file_or_image_names_a_registry() -> None:
    """Whoever builds behind a mirror must not be sent around it."""
    named = {"pyproject.toml", "pom.xml", ".npmrc", "Makefile", "docker-compose.yml"}
    candidates = [
        path
        for path in files(".")
        if path.name in named
        or path.name.startswith(("Dockerfile", "package"))
        or "requirements" in path.parts
        or path.suffix == ".lock"
    ]
    assert candidates
    assert not [relative(p) for p in candidates if REGISTRY.search(p.read_text("utf-8"))]


def test_nothing_in_the_project_knows_the_machine_it_was_written_on() -> None:
    here = re.compile(r"(?<![\w.])/(work|farm|home/\w+|tmp/kith)/|\.\./shared")
    texts = {".py", ".md", ".sql", ".toml", ".yaml", ".yml", ".html", ".js", ".css", ".txt", ".xml"}
    found = [
        relative(path)
        for path in files(".")
        if (path.suffix in texts or path.name in {"Makefile", "run"})
        and path != Path(__file__)
        and here.search(path.read_text("utf-8"))
    ]
    assert not found


SKIPS = re.compile(r"(pytest\.)?(mark\.)?(skip|skipif|xfail|importorskip)")
MAY_SKIP: dict[str, str] = {
    "tests/faults/test_pooler.py": "a pooler is optional, and so is its program on this machine",
}
"""Test files that may leave something out, with the reason. None does without one."""


def test_no_test_is_skipped_silently() -> None:
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in files("tests", suffix=".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and SKIPS.fullmatch(ast.unparse(node))
        and relative(path) not in MAY_SKIP
    ]
    assert not found


def test_a_file_stays_short_enough_to_be_read_at_once() -> None:
    longest = {True: 500, False: 400}
    paths = [*PYTHON, *files("tests", suffix=".py")]
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in paths}
    found = {
        relative(path): count
        for path, count in lines.items()
        if count > longest[relative(path).startswith("tests/")]
    }
    assert not found
