"""One contact's page, and what people do there."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from contact_schema.changes import Audience, Verified
from tests.contacts_api.site import (
    AGENT,
    NOW,
    ORIGIN,
    Browser,
    Site,
    changed,
    contact_id,
    said,
)

LIST = f"/a/{AGENT}/contacts"
ADA, BOB = (f"{LIST}/{contact_id(n)}" for n in (1, 2))
OK, SEE_OTHER = httpx.codes.OK, httpx.codes.SEE_OTHER
HTML_BUDGET = 20_000
LONG = "A very long story. " * 30


@pytest.fixture(scope="module")
async def running(postgres: str, migrated: str, secret: str) -> AsyncIterator[Site]:
    async with Site.on_a_copy_of(migrated, postgres, secret) as site:
        ada = changed(
            1, name="Ada Lovelace", kind="customer", tags=("vip",), company="Engines",
            external_id="cus_1", verified=Verified(user="cus_1", verified_at=NOW),
            custom_attributes={"seats": 25, "site": "https://example.com/ada",
                               "bad": "javascript:alert(1)"},
            said={"name": "Somebody else"},
        )  # fmt: skip
        pinned = Audience(value="growth", source="operator", pinned=True, set_at=NOW)
        ada = ada.model_copy(
            update={"snapshot": ada.snapshot.model_copy(update={"audience": pinned})}
        )
        await site.take(
            ada,
            *(changed(n, name=f"Person {n}") for n in (2, 6, 7)),
            *(said(1, f"Line {n}", n * 60, f"line_{n}") for n in range(1, 40)),
            said(1, LONG, 1, "long"),
            said(1, "Gladly.", 0, "answer", direction="outbound"),
        )
        yield site


@pytest.fixture
async def browser(running: Site) -> Browser:
    running.forget_tries()
    return await running.signed_in("admin")


async def test_the_page_shows_who_it_is_and_how_far_that_is_proven(browser: Browser) -> None:
    page = await browser.get(ADA)
    assert page.status_code == OK
    for shown in (
        "Ada Lovelace", "Verified", "person1@example.com", "Asserted", "Engines", "cus_1",
        "Pinned", "Release the pin", "Said by a visitor", "Somebody else",
    ):  # fmt: skip
        assert shown in page.text


async def test_only_a_web_address_among_the_attributes_is_a_link(browser: Browser) -> None:
    page = await browser.get(ADA)
    assert '<a href="https://example.com/ada" rel="noopener nofollow">' in page.text
    assert 'href="javascript:' not in page.text


async def test_the_timeline_is_one_thread_newest_first_and_goes_on_when_asked(
    browser: Browser,
) -> None:
    page = await browser.get(ADA)
    texts = re.findall(r'<p class="text" dir="auto">(.*?)</p>', page.text)
    assert texts[:2] == ["Gladly.", "Line 1"]
    assert "whole text" in page.text
    older = re.search(r'id="older"><a class="btn" href="([^"]*)"', page.text)
    assert older is not None
    path = older[1].replace("&amp;", "&")
    part = await browser.get(path, **{"HX-Request": "true", "HX-Target": "older"})
    assert "<html" not in part.text
    assert "Line 39" in part.text
    assert not set(re.findall(r"Line \d+", part.text)) & set(texts)
    assert "Line 39" in (await browser.get(path)).text


async def test_a_timeline_filter_shows_only_what_it_names(browser: Browser) -> None:
    page = await browser.get(f"{ADA}?channel=whatsapp")
    assert "Nothing here yet with this filter." in page.text
    wrong = await browser.get(f"{ADA}?type=nonsense")
    assert wrong.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_a_note_is_written_seen_and_deleted(browser: Browser) -> None:
    await browser.get(f"{BOB}?tab=notes")
    text = "Called him.\n<b>Wants</b> the annual plan."
    answer = await browser.send(f"{BOB}/notes", {"text": text})
    assert answer.headers["location"] == f"{BOB}?tab=notes&notice=saved"
    page = await browser.get(answer.headers["location"])
    assert "&lt;b&gt;Wants&lt;/b&gt; the annual plan." in page.text
    assert "<strong><bdi>admin</bdi></strong>" in page.text
    delete = re.search(r'action="([^"]*/delete)"', page.text)
    assert delete is not None
    await browser.send(delete[1], {})
    assert "No notes yet." in (await browser.get(f"{BOB}?tab=notes")).text


async def test_a_double_click_writes_one_note(browser: Browser) -> None:
    await browser.get(f"{BOB}?tab=notes")
    for _ in range(2):
        answer = await browser.send(f"{BOB}/notes", {"text": "Only once", "once": "the-same-form"})
        assert answer.status_code == SEE_OTHER
    assert (await browser.get(f"{BOB}?tab=notes")).text.count("Only once") == 1


async def test_an_empty_note_is_refused_beside_its_field(browser: Browser) -> None:
    await browser.get(f"{BOB}?tab=notes")
    answer = await browser.send(f"{BOB}/notes", {"text": "  "})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert 'aria-describedby="note-wrong"' in answer.text


async def test_a_tag_is_ordered_for_this_contact_in_this_persons_name(
    browser: Browser, running: Site
) -> None:
    await browser.get(ADA)
    answer = await browser.send(f"{ADA}/tags", {"add": " Early Bird "})
    # Nobody here plays the resolver: durable, and said to be not visible yet.
    assert answer.headers["location"] == f"{ADA}?notice=pending"
    command = await running.ordered("EditContact")
    assert command["contact"] == contact_id(1)
    assert command["actor"] == {"kind": "user", "id": "user_admin"}
    assert [tag.lower() for tag in command["add_tags"]] == ["early bird"]
    assert "Accepted, not visible yet." in (await browser.get(answer.headers["location"])).text


async def test_an_audience_is_pinned_and_released(browser: Browser, running: Site) -> None:
    await browser.get(ADA)
    await browser.send(f"{ADA}/audience", {"audience": "enterprise"})
    assert (await running.ordered("EditContact"))["fields"] == {"audience": "enterprise"}
    await browser.get(ADA)
    await browser.send(f"{ADA}/audience", {"release": "1"})
    assert (await running.ordered("EditContact"))["fields"] == {"audience": None}


async def test_an_audience_that_does_not_exist_is_refused(browser: Browser) -> None:
    await browser.get(ADA)
    answer = await browser.send(f"{ADA}/audience", {"audience": "royalty"})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY


async def test_an_edit_sends_only_what_was_changed(browser: Browser, running: Site) -> None:
    form = await browser.get(f"{ADA}/edit")
    version = re.search(r'name="version" value="(\d+)"', form.text)
    assert version is not None
    fields = {
        "version": version[1], "name": "Ada King", "email": "person1@example.com", "phone": "",
        "company": "Engines", "attr.seats": "30", "was.seats": "25",
        "attr.site": "https://example.com/ada", "was.site": "https://example.com/ada",
        "new_key": "plan", "new_value": "pro",
    }  # fmt: skip
    answer = await browser.send(f"{ADA}/edit", fields)
    assert answer.status_code == SEE_OTHER
    command = await running.ordered("EditContact")
    assert command["fields"] == {"name": "Ada King", "attr.seats": 30, "attr.plan": "pro"}
    assert command["expected_version"] == int(version[1])


async def test_somebody_elses_change_meanwhile_is_shown_beside_ones_own(
    browser: Browser, running: Site
) -> None:
    person = f"{LIST}/{contact_id(6)}"
    await browser.get(f"{person}/edit")
    form = browser.send(f"{person}/edit", {"version": "1", "name": "My name for her"})
    answer = await running.answering(
        form, "EditContact", changed(6, name="Their name"), outcome="refused",
        contact=contact_id(6), code="version-conflict",
    )  # fmt: skip
    assert answer.status_code == httpx.codes.CONFLICT
    assert "Somebody changed this contact meanwhile." in answer.text
    for value in ("Their name", "My name for her"):
        assert f"<bdi>{value}</bdi>" in answer.text
    assert 'value="My name for her"' in answer.text


async def test_a_tag_shows_at_once_in_its_part_of_the_page(browser: Browser, running: Site) -> None:
    person = f"{LIST}/{contact_id(7)}"
    await browser.get(person)
    by_htmx = {"Origin": ORIGIN, "HX-Request": "true", "HX-Target": "tags"}
    form = browser.send(f"{person}/tags", {"add": "new"}, headers=by_htmx)
    answer = await running.answering(
        form, "EditContact", changed(7, tags=("new",)), outcome="updated", contact=contact_id(7)
    )
    assert answer.status_code == OK
    assert answer.text.lstrip().startswith('<section class="card" id="tags"')
    assert 'aria-label="Remove tag new"' in answer.text


async def test_a_wrong_field_is_named_and_what_was_typed_stays(browser: Browser) -> None:
    await browser.get(f"{ADA}/edit")
    answer = await browser.send(f"{ADA}/edit", {"name": "Ada", "email": "not an address"})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert '<a href="#email">' in answer.text
    assert 'value="not an address"' in answer.text
    assert 'id="email"' in answer.text


async def test_a_contact_is_added_by_hand(browser: Browser, running: Site) -> None:
    await browser.get(f"{LIST}/new")
    refused = await browser.send(f"{LIST}/new", {"name": "Nobody"})
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "Without an external id" in refused.text
    await browser.get(f"{LIST}/new")
    await browser.send(f"{LIST}/new", {"name": "Grace", "email": "grace@example.com"})
    command = await running.ordered("ObserveRecord")
    assert command["observation"]["fields"]["name"] == "Grace"


async def test_what_is_not_there_says_so_and_offers_a_search(browser: Browser) -> None:
    for path in (f"{LIST}/{contact_id(99)}", f"{LIST}/nonsense", f"{ADA}?tab=secrets"):
        page = await browser.get(path)
        assert page.status_code == httpx.codes.NOT_FOUND
        assert 'role="search"' in page.text


async def test_a_refusal_of_a_part_is_a_word_and_not_a_page_in_a_page(browser: Browser) -> None:
    asked = {"HX-Request": "true", "HX-Target": "panel"}
    answer = await browser.get(f"{LIST}/{contact_id(99)}?tab=notes", **asked)
    assert answer.headers["hx-reswap"] == "none"
    assert "There is nothing here" in json.loads(answer.headers["hx-trigger"])["warn"]


async def test_the_page_stays_small(browser: Browser) -> None:
    page = await browser.get(ADA)
    assert int(page.headers["content-length"]) < HTML_BUDGET
