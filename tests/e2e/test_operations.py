"""What the operations page and its address say while a service is frozen, killed and well again."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from contacts_api.app import build
from contacts_api.probing import prepare, probe_once
from contacts_api.settings import ContactsApiSettings
from kith.stack import Stack
from kith.stack import configuration as configurations
from service_kit import metrics, migrate
from service_kit.testing import opened
from tests.e2e.visitors import Doors, Visitor, eventually

RESOLVER = "merge_resolver"
REJOIN_SECONDS = 100.0


def row_of(doors: Doors, service: str = RESOLVER) -> dict[str, Any]:
    answer = doors.api.get("/v1/ops/lag")
    assert answer.status_code == httpx.codes.OK, answer.text
    rows = answer.json()["services"]
    return next((row for row in rows if row["service"] == service), {"word": "", "streams": []})


def interactions_of(row: dict[str, Any]) -> dict[str, Any]:
    return next(s for s in row["streams"] if s["group"] == "merge-resolver.interactions")


def await_word(doors: Doors, *words: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        row = row_of(doors)
        return row if row["word"] in words else None

    return eventually(look, f"the resolver {' or '.join(words)}", REJOIN_SECONDS)


@contextmanager
def stopped(pid: int | None) -> Iterator[None]:
    """A process that neither works nor ends, as a frozen machine."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def well(doors: Doors) -> Callable[[], dict[str, Any]]:
    """Waits until the resolver is ready and OK: a killed member of a group lingers for 45 s."""

    def look() -> dict[str, Any] | None:
        row = row_of(doors)
        return row if row["word"] == "ok" and row["ready"] else None

    return lambda: eventually(look, "the resolver well", REJOIN_SECONDS)


def test_a_frozen_service_is_without_data_then_stopped_and_its_lag_grows(
    stack: Stack, doors: Doors, well: Callable[[], dict[str, Any]]
) -> None:
    well()
    with stopped(stack.pid(RESOLVER)):
        row = await_word(doors, "no-data")
        assert not row["ready"]
        assert "does not answer" in row["reasons"][0]
        visitor = Visitor.arrives()
        doors.accept(*(visitor.looks() for _ in range(5)))

        def behind() -> bool:
            stream = interactions_of(row_of(doors))
            return bool(stream["lag_messages"] >= 5 and stream["lag_seconds"] >= 2)

        eventually(behind, "the lag of the frozen resolver")
        row = await_word(doors, "stopped")
        assert interactions_of(row)["drain_seconds"] is None
        # Whoever is worst stands first, and the page says the same.
        assert doors.api.get("/v1/ops/lag").json()["services"][0]["service"] == RESOLVER
    # It is called well after ten looks of its new life, and not for what it was before.
    assert row_of(doors)["word"] != "ok"
    row = well()
    assert interactions_of(row)["lag_messages"] == 0


def test_a_killed_service_is_stopped_at_once_on_the_page_too_and_comes_back_by_itself(
    stack: Stack, doors: Doors, well: Callable[[], dict[str, Any]]
) -> None:
    well()
    killed = stack.pid(RESOLVER)
    assert killed is not None
    with httpx.Client(base_url=stack.env["KITH_DASHBOARD_URL"], follow_redirects=True) as browser:
        sign_in(browser, stack.env)
        assert "merge-resolver.interactions" in browser.get("/ops").text
        # The supervisor would have it back before anybody looked.
        with stopped(stack.pid("supervisor")):
            os.kill(killed, signal.SIGKILL)
            row = await_word(doors, "stopped")
            assert not row["ready"]
            assert "nobody listens" in row["reasons"][0]
            page = browser.get("/ops").text
            assert "</svg>Stopped</span>" in page
            assert "nobody listens at its address" in page
            assert "5/6" in page
    well()
    assert stack.pid(RESOLVER) != killed


def sign_in(browser: httpx.Client, env: dict[str, str]) -> None:
    page = browser.get("/login").text
    token = page.split('name="csrf" value="')[1].split('"')[0]
    form = {
        "csrf": token,
        "login": env["KITH_DASHBOARD_USER"],
        "password": env["KITH_DASHBOARD_PASSWORD"],
        "next": "/",
    }
    answer = browser.post("/login", data=form, headers={"Origin": str(browser.base_url)})
    assert answer.status_code == httpx.codes.OK, answer.text


async def test_the_probe_sees_its_contact_and_leaves_the_spaces_of_others_alone(
    stack: Stack, doors: Doors
) -> None:
    """As contacts_api runs it, on the database of the running stack."""
    configuration, env = configurations.saved(stack.layout), stack.env
    dsn = migrate.service_dsn(env["KITH_POSTGRES_DSN"], "contacts_api", configuration.keys.secret)
    settings = ContactsApiSettings.model_validate(
        {
            "kafka_bootstrap": env["KITH_KAFKA_BOOTSTRAP"],
            "service_postgres_dsn": dsn,
            "secret": configuration.keys.secret,
            "service_token": configuration.keys.service_token,
            "ingest_url": env["KITH_INGEST_URL"],
        }
    )
    service = build(settings)
    state = service.state
    async with opened(service) as runtime:
        state.runtime = runtime
        principal = await prepare(state)
        # The first tries may come before ingest knows the key.
        for _ in range(100):
            if await probe_once(state, principal) is not None:
                break
        figures = state.probe.figures()
        assert figures["p95_ms"] > 0
        assert metrics.value_of("probe.sent") >= 1
        await state.neighbours.aclose()
    assert doors.find(q="probe-0@example.com") == []


def test_every_metric_that_rules_and_charts_name_is_on_the_pages_of_the_services(
    stack: Stack,
) -> None:
    configuration = configurations.saved(stack.layout)
    shown: set[str] = set()
    for service in (RESOLVER, "contacts_api", "ingest"):
        text = httpx.get(f"{configuration.url(service)}/metrics").text
        shown |= {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}
    always = {
        "kith_stream_lag_seconds", "kith_stream_lag_messages", "kith_messages_gaps_total",
        "kith_dead_letters_open", "kith_messages_unaccounted", "kith_sequences_missing",
        "kith_outbox_oldest_seconds", "kith_service_answers", "kith_service_ready",
    }  # fmt: skip
    assert always <= shown
    assert shown <= metrics.exposed().keys() | {n for n in shown if n.endswith("_created")}
