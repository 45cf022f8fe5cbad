"""The tables at the end of the demo."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from kith.demo import figures
from kith.demo.acts import Erased, Merged, crm_calls
from kith.demo.shop import Shop, Told


@dataclass(frozen=True)
class Before:
    """The stack as the day found it: a second day adds to a first."""

    at: datetime
    kinds: Counter[str]


def before(shop: Shop) -> Before:
    return Before(datetime.now(UTC), figures.kinds(shop.find()))


def after(
    shop: Shop, seen: Before, told: Told, merged: Merged, erased: Erased, out: Console
) -> None:
    contacts = shop.find()
    read = figures.read(shop.env, seen.at)
    tables = (
        _contacts(contacts, seen, read.accepted, told.duplicates),
        _merges(read, merged),
        _apart(read),
        _crm(contacts, *crm_calls(shop)),
        _erasure(erased),
    )
    for table in tables:
        out.print()
        out.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in ("count", "today") else "left")
    return table


def _contacts(
    contacts: list[dict[str, Any]], seen: Before, accepted: int, duplicates: int
) -> Table:
    table = _table("What came of it", "", "count", "today")
    table.add_row("events accepted", "", str(accepted))
    table.add_row("events sent twice, taken once", "", str(duplicates))
    now = figures.kinds(contacts)
    for kind in ("anonymous", "lead", "customer"):
        table.add_row(f"contacts: {kind}", str(now[kind]), f"{now[kind] - seen.kinds[kind]:+}")
    verified = sum(contact["verified"] is not None for contact in contacts)
    table.add_row("proven by a signature", str(verified), "")
    several = figures.on_several_channels(contacts)
    table.add_row("met on several channels", str(several), "")
    return table


def _merges(read: figures.Figures, merged: Merged) -> Table:
    table = _table("Contacts that became one", "because of", "today")
    for reason, count in read.merges:
        table.add_row(reason, str(count))
    exactly = "both are as before" if merged.undone_exactly else "[red]not as before[/red]"
    table.add_row(f"(the operator took it back: {exactly})", "")
    return table


def _apart(read: figures.Figures) -> Table:
    table = _table("What stayed apart", "because of", "count")
    for reason, count in read.apart:
        table.add_row(reason, str(count))
    return table


def _crm(contacts: list[dict[str, Any]], calls: int, failed: int) -> Table:
    title = f"In the CRM, which failed {failed} of {calls} calls on purpose"
    table = _table(title, "state", "reason", "count")
    for (state, reason), count in sorted(figures.crm_states(contacts).items()):
        table.add_row(state, reason, str(count))
    return table


def _erasure(erased: Erased) -> Table:
    table = _table(f"Erasure {erased.erasure['id']}: {erased.erasure['state']}", "part", "erased")
    for receipt in erased.erasure["receipts"]:
        counts = ", ".join(f"{n} {name}" for name, n in receipt["counts"].items() if n)
        left = f", [red]{receipt['left']} left[/red]" if receipt["left"] else ""
        table.add_row(receipt["slice"], (counts or "held nothing") + left)
    gone = "answers “gone”" if erased.gone else "[red]still answers[/red]"
    back = "became a new contact" if erased.returned_as_another else "[red]came back[/red]"
    table.add_row("the old address", gone)
    table.add_row("a later visit", back)
    return table
