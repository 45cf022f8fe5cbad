"""What happens on that day besides the traffic: import, CRM, a merge with its undo, an erasure."""

import csv
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from kith.demo.cast import customers, person
from kith.demo.events import Names, Thread, Visit
from kith.demo.shop import DemoFailed, Shop, eventually

CRM_FAILURE_RATE = 0.15


def connect_crm(shop: Shop) -> str:
    """Connect the stand-in, which fails now and then from here on. The connection's id."""
    url = shop.env["KITH_HUBSPOT_URL"]
    _control_crm(shop, {"rate": CRM_FAILURE_RATE})
    known = shop.api.get("/v1/crm/connections").raise_for_status().json()["data"]
    for connection in known:
        if connection.get("base_url") == url:
            return str(connection["id"])
    body = {
        "kind": "hubspot",
        "label": "HubSpot",
        "base_url": url,
        "credentials": {"access_token": "demo"},
    }
    made = shop.api.post("/v1/crm/connections", json=body).raise_for_status().json()
    return str(made["id"])


def refuse_next_in_crm(shop: Shop) -> None:
    """A workflow of the CRM refuses the next record: an error that waiting does not heal."""
    _control_crm(shop, {"fail": [{"fault": "refuse_one", "path": "batch/upsert"}]})


def _control_crm(shop: Shop, order: Mapping[str, Any]) -> None:
    url = shop.env["KITH_HUBSPOT_URL"]
    httpx.post(f"{url}/_control", json=order, timeout=10).raise_for_status()


def crm_calls(shop: Shop) -> tuple[int, int]:
    """How many calls the CRM got, and how many of them it failed on purpose."""
    url = shop.env["KITH_HUBSPOT_URL"]
    calls = httpx.get(f"{url}/_calls", timeout=10).raise_for_status().json()
    return len(calls), sum(call["fault"] is not None for call in calls)


def await_quiet(shop: Shop, patience: float = 30.0) -> None:
    """Wait while contacts are on their way to the CRM, but not for ever: it may be failing."""
    _control_crm(shop, {"rate": 0.0})
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        states = [crm["state"] for contact in shop.find() for crm in contact["crm"]]
        if "pending" not in states:
            return
        time.sleep(1)


def write_customer_file(folder: Path) -> Path:
    """The shop's own list: customers, addresses from a fair, and two rows nobody can use."""
    file = folder / "customers.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text)
        writer.writerow(("External ID", "Name", "E-mail", "Phone", "Company", "Plan", "Tags"))
        for who in customers():
            row = (who.user_id, who.name, who.email, who.phone, who.company, who.plan, "customer")
            writer.writerow(row)
        for number in range(150, 160):
            who = person(number)
            writer.writerow(("", who.name, who.email, "", who.company, "", "fair"))
        writer.writerow(("", "No Address", "", "", "", "", "fair"))
        writer.writerow(("x" * 200, "Long Id", "long@example.com", "", "", "", ""))
    return file


def import_file(file: Path, env: Mapping[str, str]) -> list[str]:
    """Run `kith import` as anybody would; its last lines. Two rows are meant to fail."""
    command = [sys.executable, "-m", "kith.main", "import", str(file)]
    command += ["--url", env["KITH_API_URL"], "--key", env["KITH_DEMO_API_KEY"]]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode > 1:
        raise DemoFailed(f"The import did not run: {done.stdout}{done.stderr}")
    return done.stdout.strip().splitlines()


@dataclass(frozen=True)
class Merged:
    """An operator's merge and its undo: were both contacts as before, to the byte?"""

    survivor: str
    other: str
    undone_exactly: bool


def merge_and_undo(shop: Shop, names: Names) -> Merged:
    """Somebody thinks that two contacts are one person, and thinks better of it."""
    visit, now = Visit(names), datetime.now(UTC)
    email = f"robin.{names.day}@example.com"
    shop.browser(visit.leaves(now, "call me back", name="Robin Weber", email=email))
    phone = f"+4915124{int(names.day, 36) % 1_000_000:06d}"
    thread = Thread(names, "sms", phone, "R. Weber")
    shop.adapter(thread.receives(now, "Robin here, did you call?"))
    left, right = shop.find_one(email=email), shop.find_one(phone=phone)
    before = [_settled(shop, each["id"]) for each in (left, right)]

    merged = shop.api.post(f"/v1/contacts/{right['id']}/merge", json={"into": left["id"]})
    merge = merged.raise_for_status().json()
    shop.api.post(f"/v1/merges/{merge['merge_id']}/undo", json={}).raise_for_status()
    after = [_settled(shop, each["id"]) for each in (left, right)]
    return Merged(left["id"], right["id"], undone_exactly=before == after)


def _settled(shop: Shop, contact: str) -> dict[str, Any]:
    """A contact as people see it, without what every change moves.

    Conversations reach the read side on a topic of their own: one is waited for, since both these
    people have written.
    """

    def look() -> dict[str, Any] | None:
        answer = shop.api.get(f"/v1/contacts/{contact}")
        seen = dict(answer.json()) if answer.status_code == httpx.codes.OK else {}
        return seen if seen.get("conversations", {}).get("count") else None

    seen = eventually(look, "a contact with its conversation")
    moving = {"version", "updated_at", "crm"}
    return {name: value for name, value in seen.items() if name not in moving}


def _await_crm(shop: Shop, address: str, patience: float = 15.0) -> None:
    """So that there is something to erase in the CRM too; not for ever, since it may be failing."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        states = [crm["state"] for crm in shop.api.get(address).json().get("crm", [])]
        if "synced" in states:
            return
        time.sleep(0.2)


@dataclass(frozen=True)
class Erased:
    """An erasure as its page shows it, and what a later visit of the same person became."""

    erasure: dict[str, Any]
    gone: bool
    returned_as_another: bool


def erase(shop: Shop, names: Names) -> Erased:
    """A customer asks to be forgotten, and comes back later as somebody new."""
    user, email = f"leaving-{names.day}", f"erin.{names.day}@example.com"
    visit, now = Visit(names), datetime.now(UTC)
    signed_in = visit.signs_in(now, user, shop.sign(user), name="Erin Farewell", email=email)
    shop.browser(signed_in, visit.writes(now, "Please forget me."))
    contact = shop.find_one(email=email, kind="customer")["id"]

    address = f"/v1/contacts/{contact}"
    _await_crm(shop, address)
    started = shop.api.delete(address, params={"grace_days": "0", "reason": "subject_request"})
    erasure = started.raise_for_status().json()["id"]

    def done() -> dict[str, Any] | None:
        seen = shop.api.get(f"/v1/erasures/{erasure}").raise_for_status().json()
        return dict(seen) if seen["state"] in ("erased", "closed") else None

    certificate = eventually(done, "the erasure's end")
    gone = shop.api.get(address).status_code == httpx.codes.GONE
    again = Visit(names)
    shop.browser(again.leaves(datetime.now(UTC), "hello again", name="Erin", email=email))
    return Erased(certificate, gone, shop.find_one(email=email)["id"] != contact)
