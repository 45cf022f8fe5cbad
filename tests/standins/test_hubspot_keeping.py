from datetime import UTC, datetime
from pathlib import Path

from kith.standins.hubspot.keeping import load, written
from kith.standins.hubspot.portal import Definition, Portal

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_an_account_is_the_same_after_a_restart(tmp_path: Path) -> None:
    portal = Portal(lambda: NOW)
    portal.define(Definition("kith_contact_id", "Kith", unique=True))
    portal.create({"email": "ada@example.com", "kith_contact_id": "contact_1"})
    file = tmp_path / "account.json"
    file.write_text(written(portal))

    again = Portal(lambda: NOW)
    load(again, file)
    assert written(again) == written(portal)
    found = again.find("contact_1", "kith_contact_id")
    assert found is not None
    assert found.properties["email"] == "ada@example.com"


def test_without_a_file_the_account_is_empty(tmp_path: Path) -> None:
    portal = Portal(lambda: NOW)
    load(portal, tmp_path / "none.json")
    assert not portal.contacts
