"""The day from the first delivery to the last table."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kith.demo import acts, report
from kith.demo.day import ANONYMOUS, Day, Delivery
from kith.demo.events import Names
from kith.demo.shop import Shop, Told

SEED = 1815
LANES = 6  # stories told side by side; one story arrives in its order


def play(env: Mapping[str, str], folder: Path, out: Console, anonymous: int = ANONYMOUS) -> None:
    """Play the day and print the tables. Raises DemoFailed or httpx.HTTPError."""
    authorized = {"Authorization": f"Bearer {env['KITH_DEMO_API_KEY']}"}
    with (
        httpx.Client(base_url=env["KITH_API_URL"], headers=authorized, timeout=30) as api,
        httpx.Client(base_url=env["KITH_INGEST_URL"], timeout=30) as ingest,
    ):
        shop = Shop(env, api, ingest)
        names = Names(day=_base36(int(time.time())))
        seen = report.before(shop)

        out.print("Connecting a CRM that fails now and then")
        acts.connect_crm(shop)
        out.print("Importing the shop's customers: kith import customers.csv")
        for line in acts.import_file(acts.write_customer_file(folder), env):
            out.print(f"  {line}", markup=False, style="dim")
        secret, now = env["KITH_DEMO_IDENTITY_SECRET"], datetime.now(UTC)
        day = Day(names, secret, now, Random(SEED), anonymous)
        told = _traffic(shop, day.deliveries(), out)
        acts.refuse_next_in_crm(shop)
        with out.status("an operator merges two contacts and undoes it"):
            merged = acts.merge_and_undo(shop, names)
        with out.status("somebody asks to be forgotten"):
            erased = acts.erase(shop, names)
        with out.status("waiting for the CRM"):
            acts.await_quiet(shop)
        report.after(shop, seen, told, merged, erased, out)


def _traffic(shop: Shop, deliveries: list[Delivery], out: Console) -> Told:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("deliveries"),
        TimeElapsedColumn(),
    )
    told = Told()
    with Progress(*columns, console=out) as progress, ThreadPoolExecutor(LANES) as lanes:
        task = progress.add_task("the day", total=len(deliveries))

        def travel(lane: int) -> None:
            for delivery in deliveries:
                if delivery.story % LANES == lane:
                    told.add(shop.send(delivery))
                    progress.update(task, description=f"the day, {delivery.at:%H:%M}", advance=1)

        for done in [lanes.submit(travel, lane) for lane in range(LANES)]:
            done.result()
    return told


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text or "0"
