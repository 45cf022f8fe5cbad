"""The operations page: what it says of each state, and who may send a dead letter again."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contacts_api.dashboard import ops_view as views
from contacts_api.domain.lag_words import WORST_FIRST
from contacts_api.domain.principal import Role
from service_kit.testing import received
from tests.contacts_api.messages import event
from tests.contacts_api.site import Site


@pytest.fixture(scope="module")
async def site(postgres: str, migrated: str, secret: str) -> AsyncIterator[Site]:
    async with Site.on_a_copy_of(migrated, postgres, secret) as site:
        yield site


@pytest.fixture(autouse=True)
async def looked(site: Site) -> None:
    """The poller's look; and each test may try to sign in five times."""
    site.forget_tries()
    await site.state.watch.look(site.state, site.runtime)


async def given_up(site: Site, record: str) -> None:
    async with site.runtime.transaction(group="contacts-api.interactions") as tx:
        tx.reject(received(event(record)), "not-today")


async def test_every_service_has_its_row_and_its_reason(site: Site) -> None:
    page = await (await site.signed_in("agent")).get("/ops")
    assert page.status_code == httpx.codes.OK
    rows = re.findall(r'<tr><th scope="row">(\w+)</th>', page.text)
    assert set(rows) == {
        "contacts_api", "ingest", "identity_verify", "merge_resolver", "crm_sync", "gdpr_purge",
    }  # fmt: skip
    assert "its address is not set" in page.text
    assert "never answered" in page.text
    assert "Not listed, since they do not answer: ingest" in page.text


async def test_the_figures_renew_themselves_without_the_rest_of_the_page(site: Site) -> None:
    browser = await site.signed_in("agent")
    part = await browser.get("/ops", **{"HX-Request": "true", "HX-Target": "figures"})
    assert part.text.lstrip().startswith('<div id="figures"')
    assert "<html" not in part.text
    assert "Dead letters, newest first" not in part.text


@pytest.mark.parametrize(("role", "offered"), [("agent", False), ("admin", True)])
async def test_only_an_administrator_is_offered_to_send_a_dead_letter_again(
    site: Site, role: Role, offered: bool
) -> None:
    await given_up(site, f"record_of_{role}")
    page = await (await site.signed_in(role)).get("/ops")
    assert "not-today" in page.text
    assert ("Send again</button>" in page.text) is offered


async def test_a_dead_letter_is_sent_again_from_the_page_and_says_so(site: Site) -> None:
    await given_up(site, "record_again")
    browser = await site.signed_in("admin")
    page = await browser.get("/ops")
    path = re.findall(r'action="(/ops/dead-letters/[^"]+/redrive)"', page.text)[0]
    answer = await browser.send(path, {})
    assert answer.headers["location"] == "/ops?notice=redriven"
    page = await browser.get("/ops?notice=redriven")
    assert "Sent again, to the service that had given it up." in page.text
    assert path not in page.text
    assert (await browser.send(path, {})).headers["location"] == "/ops?notice=redriven-before"


async def test_a_viewer_has_no_link_to_it_and_an_agent_has(site: Site) -> None:
    for role, shown in (("viewer", False), ("agent", True)):
        browser = await site.signed_in(role)  # type: ignore[arg-type]
        page = await browser.get("/a/agent_1/contacts")
        assert ('href="/ops"' in page.text) is shown


def stream(**told: Any) -> dict[str, Any]:
    return {
        "topic": "contacts.changes.v1", "group": "crm-sync.changes", "word": "ok",
        "lag_messages": 0, "lag_seconds": 0.0, "drain_seconds": 0.0, "dead_letters": 0,
        "arriving": 0.0, "leaving": 0.0, "waits_for": None, "gaps": 0, "missing": 0, **told,
    }  # fmt: skip


def test_every_word_has_a_text_of_its_own() -> None:
    assert set(views.WORDS) == set(WORST_FIRST)
    assert len({text for text, _, _ in views.WORDS.values()}) == len(WORST_FIRST)


def test_a_lag_that_does_not_fall_says_never_and_no_lag_says_nothing() -> None:
    assert views.drain(stream(lag_messages=5, drain_seconds=None)) == "never at this rate"
    assert views.drain(stream(lag_messages=5, drain_seconds=300.0)) == "5 min"
    assert views.drain(stream()) == "–"


def test_missing_is_a_dash_and_never_a_zero() -> None:
    assert (views.duration(None), views.rate(None)) == ("–", "–")
    assert (views.duration(0.0), views.rate(0.0)) == ("0 s", "0.0")


def test_the_worst_stream_stands_first() -> None:
    service = {
        "streams": [
            stream(group="a"),
            stream(group="b", word="catching-up", lag_seconds=9.0),
            stream(group="c", word="stalled", lag_seconds=1.0),
        ]
    }
    shown = views.streams({"services": [service]}, WORST_FIRST)
    assert [row["group"] for row in shown] == ["c", "b", "a"]


def test_a_sum_that_is_not_right_is_an_alarm() -> None:
    lag = {
        "services": [{"service": "s", "ready": True, "streams": [stream(missing=2)]}],
        "probe": {"sent": 0, "lost": 0, "p50_ms": None, "p95_ms": None},
    }
    tiles = {
        t["name"]: t for t in views.tiles(lag, {"lag": [], "dead_letters": [], "accepted": []})
    }
    assert (tiles["Sum"]["value"], tiles["Sum"]["bad"]) == ("2 missing", True)
    assert tiles["Event to visible"]["value"] == "–"
