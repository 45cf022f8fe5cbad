"""Nobody sees or changes anything without having signed in here himself."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from contacts_api.dashboard.gate import Route
from contacts_api.dashboard.routes import ROUTES, build_router
from contacts_api.domain.principal import ROLES, Role
from tests.contacts_api.site import AGENT, ORIGIN, PASSWORD, Browser, Site, changed, contact_id

LIST = f"/a/{AGENT}/contacts"
ONE = f"{LIST}/{contact_id(1)}"
SEE_OTHER, FORBIDDEN = httpx.codes.SEE_OTHER, httpx.codes.FORBIDDEN


@pytest.fixture(scope="module")
async def running(postgres: str, migrated: str, secret: str) -> AsyncIterator[Site]:
    async with Site.on_a_copy_of(migrated, postgres, secret) as site:
        await site.take(changed(1, name="Ada Lovelace"))
        yield site


@pytest.fixture
def site(running: Site) -> Site:
    running.forget_tries()
    return running


def cookie_of(answer: httpx.Response) -> str:
    return next(c for c in answer.headers.get_list("set-cookie") if c.startswith("kith="))


async def test_the_right_password_opens_the_page_that_was_asked_for(site: Site) -> None:
    browser = site.browser()
    sent_away = await browser.get(f"{LIST}?tag=vip")
    assert sent_away.status_code == SEE_OTHER
    assert sent_away.headers["location"] == f"/login?next={LIST}%3Ftag%3Dvip"
    answer = await browser.sign_in("agent", next_=f"{LIST}?tag=vip")
    assert answer.headers["location"] == f"{LIST}?tag=vip"
    cookie = cookie_of(answer)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie


@pytest.mark.parametrize(
    ("login", "password"), [("agent", "not-it-at-all"), ("nobody", PASSWORD), ("", "")]
)
async def test_a_wrong_login_and_a_wrong_password_are_told_apart_by_nobody(
    site: Site, login: str, password: str
) -> None:
    browser = site.browser()
    answer = await browser.sign_in(login, password)
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert "Login or password is wrong." in answer.text
    assert password not in answer.text or not password
    assert (await browser.get(LIST)).status_code == SEE_OTHER


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
        "/ok\r\nX: y",
    ],
)  # fmt: skip
async def test_signing_in_never_leads_to_another_site(site: Site, target: str) -> None:
    answer = await site.browser().sign_in("agent", next_=target)
    assert answer.headers["location"] == "/"


async def test_a_session_that_was_there_before_signing_in_is_worth_nothing(site: Site) -> None:
    planted = "planted-by-an-attacker"
    victim, attacker = site.browser(), site.browser()
    for browser in (victim, attacker):
        browser.client.cookies.set("kith", planted, domain="kith.example", path="/")
    await victim.sign_in("admin")
    values = [c.value for c in victim.client.cookies.jar if c.name == "kith"]
    assert planted not in values
    assert (await attacker.get(LIST)).status_code == SEE_OTHER


async def test_signing_in_again_ends_the_session_before(site: Site) -> None:
    browser = await site.signed_in("viewer")
    before = browser.client.cookies["kith"]
    await browser.client.get("/login")
    await browser.send("/login", {"login": "agent", "password": PASSWORD, "next": "/"})
    assert browser.client.cookies["kith"] != before
    stale = site.browser()
    stale.client.cookies.set("kith", before, domain="kith.example", path="/")
    assert (await stale.get(LIST)).status_code == SEE_OTHER


async def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site) -> None:
    browser = await site.signed_in("viewer")
    token = browser.client.cookies["kith"]
    assert (await browser.send("/logout", {})).headers["location"] == "/login"
    browser.client.cookies.set("kith", token, domain="kith.example", path="/")
    assert (await browser.get(LIST)).status_code == SEE_OTHER


@pytest.mark.parametrize(
    ("column", "age"), [("used_at", timedelta(hours=13)), ("created_at", timedelta(days=8))]
)
async def test_a_session_ends_by_itself(site: Site, column: str, age: timedelta) -> None:
    browser = await site.signed_in("viewer")
    columns = {
        "used_at": "UPDATE contacts_api.sign_ins SET used_at = used_at - $1::interval",
        "created_at": "UPDATE contacts_api.sign_ins SET created_at = created_at - $1::interval",
    }
    async with site.runtime.pool.acquire() as connection:
        await connection.execute(columns[column], age)
    assert (await browser.get(LIST)).status_code == SEE_OTHER


async def test_the_sixth_try_within_a_minute_has_to_wait_even_with_the_right_password(
    site: Site,
) -> None:
    browser = site.browser()
    for _ in range(5):
        await browser.sign_in("agent", "wrong")
    refused = await browser.sign_in("agent")
    assert refused.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert int(refused.headers["retry-after"]) > 0
    assert (await site.browser().sign_in("viewer")).status_code == SEE_OTHER


@pytest.mark.parametrize(
    "path",
    ["/", LIST, f"{LIST}/new", ONE, f"{ONE}/edit", f"{ONE}/merge", f"{ONE}/erase", "/a/x/y/z"],
)
async def test_no_page_is_shown_without_signing_in(site: Site, path: str) -> None:
    answer = await site.browser().get(path)
    assert answer.status_code == SEE_OTHER
    assert answer.headers["location"].startswith("/login?next=/")
    assert "Ada" not in answer.text


async def refused_form(browser: Browser, **how: object) -> httpx.Response:
    await browser.get(ONE)
    return await browser.send(f"{ONE}/notes", {"text": "Written by a stranger"}, **how)  # type: ignore[arg-type]


async def test_a_form_from_another_origin_is_refused(site: Site) -> None:
    browser = await site.signed_in("agent")
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {},
    ):
        assert (await refused_form(browser, headers=headers)).status_code == FORBIDDEN
    assert "Written by a stranger" not in (await browser.get(f"{ONE}?tab=notes")).text


async def test_a_form_without_its_token_or_with_somebody_elses_is_refused(site: Site) -> None:
    browser, other = await site.signed_in("agent"), await site.signed_in("agent")
    foreign = other.token()
    for token in ("", "AAAA", foreign):
        assert (await refused_form(browser, token=token)).status_code == FORBIDDEN
    assert "Written by a stranger" not in (await browser.get(f"{ONE}?tab=notes")).text


async def test_a_sign_in_form_from_another_site_is_refused_too(site: Site) -> None:
    browser = site.browser()
    await browser.get("/login")
    fields = {"login": "admin", "password": PASSWORD, "next": "/"}
    refused = await browser.send("/login", fields, headers={"Origin": "http://evil.example"})
    assert refused.status_code == FORBIDDEN
    assert (await browser.get(LIST)).status_code == SEE_OTHER


async def test_reading_changes_nothing(site: Site) -> None:
    browser = await site.signed_in("admin")
    for path in (f"{ONE}/notes", f"{ONE}/tags", f"{ONE}/audience", "/logout"):
        answer = await browser.get(f"{path}?text=x&csrf={browser.token()}")
        assert answer.status_code in (httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_FOUND)
    assert (await browser.get(LIST)).status_code == httpx.codes.OK


TOO_LOW = [
    (role, route)
    for route in ROUTES
    for role in ROLES
    if route.role is not None and ROLES.index(role) < ROLES.index(route.role)
]


@pytest.mark.parametrize(
    ("role", "route"), TOO_LOW, ids=lambda value: getattr(value, "path", value)
)
async def test_a_page_is_for_its_role_and_above(site: Site, role: Role, route: Route) -> None:
    browser = await site.signed_in(role)
    path = route.path.format(
        agent=AGENT, contact=contact_id(1), note="note_1", merge="merge_1", erasure="erasure_1",
        letter="ingest-1",
    )  # fmt: skip
    answer = await (
        browser.send(path, {"text": "x"}) if route.method == "POST" else browser.get(path)
    )
    assert answer.status_code == FORBIDDEN
    assert "You can view this, but not change it." in answer.text


async def test_a_viewer_is_offered_nothing_that_he_may_not_do(site: Site) -> None:
    browser = await site.signed_in("viewer")
    for path in (ONE, f"{ONE}?tab=notes", f"{ONE}?tab=merges"):
        page = await browser.get(path)
        assert page.status_code == httpx.codes.OK
        assert re.findall(r'method="post" action="([^"]*)"', page.text) == ["/logout"]
    assert f"{LIST}/new" not in (await browser.get(LIST)).text


async def test_over_https_the_cookie_belongs_to_this_host_and_to_https_only() -> None:
    app = FastAPI()
    app.include_router(build_router(b"secret", "https://contacts.example"))
    app.state.service_state = None
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        cookie = (await client.get("/login")).headers["set-cookie"]
    assert cookie.startswith("__Host-kith=")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def test_only_an_administrator_erases(site: Site) -> None:
    browser = await site.signed_in("agent")
    page = await browser.get(ONE)
    assert 'id="edit"' in page.text
    assert "Danger zone" not in page.text
    assert (await browser.get(f"{ONE}/erase")).status_code == FORBIDDEN
    await browser.get(ONE)
    refused = await browser.send(f"{ONE}/erase", {"typed": "person1@example.com"})
    assert refused.status_code == FORBIDDEN
    assert "Ada Lovelace" in (await browser.get(ONE)).text


async def test_another_workspaces_agent_looks_like_nothing(site: Site) -> None:
    browser = await site.signed_in("admin")
    assert (await browser.get("/a/agent_of_others/contacts")).status_code == httpx.codes.NOT_FOUND
