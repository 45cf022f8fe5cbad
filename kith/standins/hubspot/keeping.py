"""What the account holds, kept in a file: a CRM does not forget when it is restarted."""

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from kith.standins.hubspot.portal import Contact, Definition, Portal

PAUSE_SECONDS = 1.0


def load(portal: Portal, file: Path) -> None:
    """Fill the account from the file, if there is one."""
    if not file.exists():
        return
    kept: dict[str, Any] = json.loads(file.read_text())
    for body in kept["contacts"]:
        times = {name: datetime.fromisoformat(body[name]) for name in ("created_at", "updated_at")}
        contact = Contact(**{**body, **times})
        portal.contacts[contact.id] = contact
    for body in kept["definitions"]:
        portal.definitions[body["name"]] = Definition(**body)
    portal.blocked_addresses.update(kept["blocked_addresses"])
    portal.aliases.update(kept["aliases"])
    portal._unique.update({(name, value): holder for name, value, holder in kept["unique"]})


def written(portal: Portal) -> str:
    """The account as the text of such a file."""
    kept = {
        "contacts": [asdict(contact) for contact in portal.contacts.values()],
        "definitions": [asdict(definition) for definition in portal.definitions.values()],
        "blocked_addresses": sorted(portal.blocked_addresses),
        "aliases": portal.aliases,
        "unique": [[*key, holder] for key, holder in portal._unique.items()],
    }
    return json.dumps(kept, default=datetime.isoformat)


async def keep(portal: Portal, file: Path) -> None:
    """Write what changed, again and again, until cancelled; then once more."""
    last = ""
    try:
        while True:
            last = _save(portal, file, last)
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        _save(portal, file, last)


def _save(portal: Portal, file: Path, last: str) -> str:
    text = written(portal)
    if text != last:
        fresh = file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(file)
    return text
