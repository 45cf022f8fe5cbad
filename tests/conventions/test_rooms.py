"""Every service has the same rooms, so that whoever knows one finds his way in all six."""

import re

import pytest

from tests.conventions.places import ROOT, SERVICES, SOURCES, files, relative, rooms, service

ROOMS = ("app", "handlers", "domain", "store", "settings", "personal_data")
HEADINGS = ("Job", "Consumes", "Emits", "Owns", "Never", "When it fails", "Run it alone")
DRAWERS = {"utils", "util", "helpers", "helper", "common", "base", "misc", "shared", "lib"}
README_LINES = 60


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_every_room(name: str) -> None:
    missing = [room for room in ROOMS if not rooms(name, room)]
    missing += [
        file for file in ("queries.sql", "README.md") if not (service(name) / file).exists()
    ]
    assert not missing


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_migrations_in_order(name: str) -> None:
    numbers = [path.name[:4] for path in sorted((service(name) / "migrations").glob("*.sql"))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert numbers


@pytest.mark.parametrize("name", SERVICES)
def test_a_migration_is_named_by_what_it_does(name: str) -> None:
    for path in (service(name) / "migrations").glob("*.sql"):
        assert re.fullmatch(r"\d{4}_[a-z]+(_[a-z0-9]+)+\.sql", path.name)


@pytest.mark.parametrize("name", SERVICES)
def test_the_readme_of_a_service_answers_the_same_questions_in_the_same_order(name: str) -> None:
    readme = service(name) / "README.md"
    text = readme.read_text("utf-8")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS
    assert len(text.splitlines()) <= README_LINES


@pytest.mark.parametrize("name", SERVICES)
def test_the_tests_of_a_service_stand_where_its_name_says(name: str) -> None:
    assert list((ROOT / "tests" / name).rglob("test_*.py"))


def test_no_file_or_folder_is_a_drawer_for_what_has_no_place() -> None:
    drawers = [
        relative(path)
        for path in files(*SOURCES, "tests", suffix=".py")
        if DRAWERS.intersection((path.stem, *path.relative_to(ROOT).parts[1:-1]))
    ]
    assert not drawers


def test_every_package_says_that_it_is_typed() -> None:
    """Without the marker a checker treats the package as untyped."""
    packages = [ROOT / "libs" / name for name in ("contact_schema", "service_kit")]
    packages += [service(name) for name in SERVICES]
    assert not [relative(package) for package in packages if not (package / "py.typed").exists()]
