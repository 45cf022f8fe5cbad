"""The list of contacts: its address is its state, and a stranger's text does nothing on it."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from contact_schema.changes import CrmConnectionChanged, CrmStateChanged, Verified
from tests.contacts_api.site import (
    AGENT,
    NOW,
    SPACE,
    Browser,
    Site,
    changed,
    contact_id,
    links,
    said,
)

LIST = f"/a/{AGENT}/contacts"
OK, SEE_OTHER = httpx.codes.OK, httpx.codes.SEE_OTHER
ATTACK = "<img src=x onerror=alert(1)>"
HTML_BUDGET = 15_000


@pytest.fixture(scope="module")
async def running(postgres: str, migrated: str, secret: str) -> AsyncIterator[Site]:
    async with Site.on_a_copy_of(migrated, postgres, secret) as site:
        await site.take(
            changed(1, name="Ada Lovelace", kind="customer", tags=("vip", "eu"),
                    external_id="cus_1", verified=Verified(user="cus_1", verified_at=NOW),
                    custom_attributes={"plan": "pro"}, audience="enterprise"),
            changed(2, name="Bob Byron", tags=("vip", "at_risk")),
            changed(3, name=ATTACK, tags=("<b>bold</b>",), company='"><script>alert(2)</script>'),
            changed(4, kind="anonymous", email=None),
            *(changed(n, name=f"Person {n:03}") for n in range(10, 80)),
            *(said(n, "Hello", n, f"event_{n}") for n in (1, 2, 3, 4, *range(10, 80))),
        )  # fmt: skip
        yield site


@pytest.fixture
async def browser(running: Site) -> Browser:
    running.forget_tries()
    return await running.signed_in("agent")


async def test_the_start_page_leads_to_the_list_of_the_agent_seen_last(browser: Browser) -> None:
    assert (await browser.get("/")).headers["location"] == LIST
    assert (await browser.get(f"/?agent={AGENT}")).headers["location"] == LIST
    assert browser.client.cookies["kith-agent"] == AGENT


async def test_the_list_shows_known_people_newest_first_and_how_many_there_are(
    browser: Browser,
) -> None:
    page = await browser.get(LIST)
    assert page.status_code == OK
    assert links(page.text)[:2] == ["Ada Lovelace", "Bob Byron"]
    assert len(links(page.text)) == 50
    assert 'id="count">73</span>' in page.text
    assert "Visitor" not in "".join(links(page.text))
    assert "1–50" in page.text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("tag=vip", ["Ada Lovelace", "Bob Byron"]),
        ("tag=vip&not_tag=at_risk", ["Ada Lovelace"]),
        ("verified=true", ["Ada Lovelace"]),
        ("audience=enterprise", ["Ada Lovelace"]),
        ("attr.plan=pro", ["Ada Lovelace"]),
        ("q=lovel", ["Ada Lovelace"]),
        ("email=PERSON2@example.com", ["Bob Byron"]),
        ("external_id=cus_1", ["Ada Lovelace"]),
        ("kind=customer", ["Ada Lovelace"]),
        ("kind=anonymous", [f"Visitor {contact_id(4)[-4:]}"]),
        ("channel=whatsapp", []),
    ],
)
async def test_an_address_gives_what_it_says(
    browser: Browser, query: str, names: list[str]
) -> None:
    page = await browser.get(f"{LIST}?{query}")
    assert page.status_code == OK
    assert links(page.text) == names


async def test_filters_stand_as_chips_with_a_link_that_takes_each_away(browser: Browser) -> None:
    page = await browser.get(f"{LIST}?tag=vip&not_tag=at_risk")
    chips = re.findall(r'<li class="chip"><span>(.*?)</span><a [^>]*href="([^"]*)"', page.text)
    assert chips == [
        ("tag is <bdi>vip</bdi>", f"{LIST}?not_tag=at_risk"),
        ("tag is not <bdi>at_risk</bdi>", f"{LIST}?tag=vip"),
    ]


@pytest.mark.parametrize(
    "query", ["created_after=yesterday", "color=red", "kind=human", "sort=shoe", "limit=9999"]
)
async def test_a_wrong_filter_shows_nothing_rather_than_everything(
    browser: Browser, query: str
) -> None:
    page = await browser.get(f"{LIST}?{query}")
    assert page.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert links(page.text) == []
    assert "This list cannot be shown" in page.text


async def test_no_match_says_what_was_looked_for(browser: Browser) -> None:
    page = await browser.get(f"{LIST}?tag=vip&q=nobody")
    assert "No contact matches" in page.text
    assert "Searched for “nobody”. Filtered where tag is vip." in page.text


async def test_the_pager_walks_on_and_back(browser: Browser) -> None:
    first = await browser.get(f"{LIST}?sort=name&limit=25")
    names = links(first.text)
    following = await browser.get(page_link(first, "next"))
    assert "26–50" in following.text
    assert not set(links(following.text)) & set(names)
    back = await browser.get(page_link(following, "previous"))
    assert links(back.text) == names
    assert "1–25" in back.text


def page_link(page: httpx.Response, name: str) -> str:
    found = re.search(rf'id="page-{name}" href="([^"]*)"', page.text)
    assert found is not None
    return found[1].replace("&amp;", "&")


async def test_a_sorted_column_is_announced_and_turns_round(browser: Browser) -> None:
    page = await browser.get(f"{LIST}?sort=name")
    header = re.search(r'<th scope="col" class="k-name"[^>]*>', page.text)
    assert header is not None
    assert 'aria-sort="ascending"' in header[0]
    assert page.text.count("aria-sort") == 1
    turned = await browser.get(f"{LIST}?sort=-name&kind=customer&kind=lead")
    assert links(turned.text)[0] == "Person 079"


async def test_a_form_leads_to_the_address_it_means(browser: Browser) -> None:
    sent = f"{LIST}?form=filter&tag=vip&not_tag=&audience=&attr_key=plan&attr_value=pro"
    answer = await browser.get(sent)
    assert answer.status_code == SEE_OTHER
    assert answer.headers["location"] == f"{LIST}?tag=vip&attr.plan=pro"


async def test_a_part_of_the_page_is_the_same_list_without_the_frame(browser: Browser) -> None:
    asked = {"HX-Request": "true", "HX-Target": "results"}
    part = await browser.get(f"{LIST}?form=search&q=ada+love", **asked)
    assert part.status_code == OK
    assert "<html" not in part.text
    assert links(part.text) == ["Ada Lovelace"]
    assert part.headers["hx-push-url"] == f"{LIST}?q=ada+love"
    assert 'id="count" hx-swap-oob="true">1<' in part.text
    restored = await browser.get(LIST, **asked, **{"HX-History-Restore-Request": "true"})
    assert "<html" in restored.text


async def test_a_name_that_is_markup_is_text_everywhere_on_the_page(browser: Browser) -> None:
    for path in (LIST, f"{LIST}/{contact_id(3)}", f"{LIST}/{contact_id(3)}/edit"):
        page = await browser.get(f"{path}")
        assert "&lt;img src=x onerror=alert(1)&gt;" in page.text
        for payload in (ATTACK, "<script>alert(2)", "<b>bold"):
            assert payload not in page.text


async def test_pages_forbid_what_they_do_not_need_and_are_kept_nowhere(browser: Browser) -> None:
    page = await browser.get(LIST)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    for needed in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
                   "require-trusted-types-for 'script'"):  # fmt: skip
        assert needed in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "HX-Request" in page.headers["vary"]


async def test_a_page_of_fifty_is_small_and_its_files_are_kept_for_ever(browser: Browser) -> None:
    page = await browser.get(LIST)
    assert page.headers["content-encoding"] == "gzip"
    assert len(gzip.compress(page.content)) < HTML_BUDGET
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        file = await browser.get(path)
        assert file.status_code == OK
        assert "immutable" in file.headers["cache-control"]
    assert (await browser.get("/static/000000000000/app.css")).status_code == 404
    assert (await browser.get("/static/000000000000/htmx-4.js")).status_code == 404


async def test_the_crm_column_is_there_once_a_connection_is(running: Site) -> None:
    running.forget_tries()
    browser = await running.signed_in("viewer")
    assert "k-crm" not in (await browser.get(LIST)).text
    await running.take(
        CrmConnectionChanged(
            space=SPACE, connection="c1", kind="hubspot", label="Shop", state="ok", at=NOW
        ),
        CrmStateChanged(
            space=SPACE, contact=contact_id(1), connection="c1", kind="hubspot", state="error",
            reason_code="x", reason="HubSpot refused a field.", at=NOW,
        ),
    )  # fmt: skip
    page = await browser.get(f"{LIST}?crm_state=error")
    assert links(page.text) == ["Ada Lovelace"]
    assert 'aria-current="page">CRM errors' in page.text
    assert "HubSpot refused a field." in (await browser.get(f"{LIST}/{contact_id(1)}")).text


async def test_an_empty_workspace_says_how_to_begin(
    postgres: str, migrated: str, secret: str
) -> None:
    async with Site.on_a_copy_of(migrated, postgres, secret) as site:
        page = await (await site.signed_in("agent")).get(LIST)
        assert "No contacts yet" in page.text
