"""What a team decides about contacts: these are one, these are not, this person is erased."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.contacts_api.site import AGENT, Browser, Site, changed, contact_id, merged

LIST = f"/a/{AGENT}/contacts"
ADA = f"{LIST}/{contact_id(1)}"
OK, SEE_OTHER = httpx.codes.OK, httpx.codes.SEE_OTHER


@pytest.fixture(scope="module")
async def running(postgres: str, migrated: str, secret: str) -> AsyncIterator[Site]:
    async with Site.on_a_copy_of(migrated, postgres, secret) as site:
        await site.take(
            changed(1, name="Ada Lovelace"),
            *(changed(n, name=f"Person {n}") for n in (3, 5, 6, 30, 31)),
            *merged(20, 21, "merge_new"),
            *merged(22, 23, "merge_old", days_ago=40),
        )
        yield site


@pytest.fixture
async def browser(running: Site) -> Browser:
    running.forget_tries()
    return await running.signed_in("admin")


async def test_a_merge_is_found_compared_and_ordered(browser: Browser, running: Site) -> None:
    found = await browser.get(f"{ADA}/merge?q=Person+3")
    other = contact_id(3)
    assert f"/merge?other={other}" in found.text
    compare = await browser.get(f"{ADA}/merge?other={other}")
    assert "Are these one person?" in compare.text
    assert '<tr class="differs">' in compare.text
    answer = await browser.send(f"{ADA}/merge", {"other": other, "survivor": contact_id(1)})
    assert answer.status_code == SEE_OTHER
    command = await running.ordered("LinkRecords")
    assert (command["left"], command["right"]) == (contact_id(1), other)
    assert command["survivor"] == contact_id(1)


async def test_a_merge_ends_on_the_survivors_page(browser: Browser, running: Site) -> None:
    await browser.get(f"{LIST}/{contact_id(30)}/merge?other={contact_id(31)}")
    form = browser.send(f"{LIST}/{contact_id(30)}/merge", {"other": contact_id(31)})
    answer = await running.answering(
        form, "LinkRecords", *merged(31, 30, "merge_now"), outcome="updated",
        contact=contact_id(31), merge="merge_now",
    )  # fmt: skip
    assert answer.headers["location"] == f"{LIST}/{contact_id(31)}?notice=merged"
    page = await browser.get(answer.headers["location"])
    assert "Merged. Old links keep working." in page.text
    assert "merges/merge_now/undo" in page.text


async def test_a_contact_is_never_merged_with_itself(browser: Browser) -> None:
    page = await browser.get(f"{ADA}/merge?other={contact_id(1)}")
    assert "These are one contact already." in page.text
    found = await browser.get(f"{ADA}/merge?q=Ada")
    assert "No other contact matches." in found.text


async def test_a_merged_id_leads_to_its_survivor_with_a_word_about_it(browser: Browser) -> None:
    for part in ("", "/edit"):
        answer = await browser.get(f"{LIST}/{contact_id(21)}{part}?tab=merges")
        assert answer.status_code == httpx.codes.TEMPORARY_REDIRECT
        survivor = f"{LIST}/{contact_id(20)}{part}"
        assert answer.headers["location"] == f"{survivor}?tab=merges&notice=moved"
    page = await browser.get(f"{LIST}/{contact_id(20)}?notice=moved")
    assert "is part of this one now" in page.text


async def test_a_merge_is_undone_from_the_banner_and_the_journal_while_it_can_be(
    browser: Browser, running: Site
) -> None:
    survivor = f"{LIST}/{contact_id(20)}"
    page = await browser.get(f"{survivor}?tab=merges")
    assert page.text.count(f'action="/a/{AGENT}/merges/merge_new/undo"') == 2
    assert "Merged by a teammate" in page.text
    answer = await browser.send(f"/a/{AGENT}/merges/merge_new/undo", {"contact": contact_id(20)})
    assert answer.headers["location"] == f"{survivor}?tab=merges&notice=pending"
    assert (await running.ordered("RetractFacts"))["facts"] == ["fact_merge_new"]


async def test_a_merge_of_more_than_thirty_days_ago_says_that_it_is_too_late(
    browser: Browser,
) -> None:
    page = await browser.get(f"{LIST}/{contact_id(22)}?tab=merges")
    assert "/undo" not in page.text
    assert "more than 30 days ago" in page.text
    answer = await browser.send(f"/a/{AGENT}/merges/merge_old/undo", {})
    assert answer.status_code == httpx.codes.CONFLICT


async def test_an_erasure_wants_the_email_and_then_nothing_is_left_to_see(
    browser: Browser, running: Site
) -> None:
    person = f"{LIST}/{contact_id(5)}"
    page = await browser.get(f"{person}/erase")
    assert 'data-match="person5@example.com"' in page.text
    refused = await browser.send(f"{person}/erase", {"typed": "person6@example.com"})
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "Nothing was erased." in refused.text
    answer = await browser.send(f"{person}/erase", {"typed": " PERSON5@example.com "})
    assert answer.headers["location"].startswith(f"/a/{AGENT}/erasures/erasure_")
    progress = await browser.get(answer.headers["location"])
    assert "Erasure: under way" in progress.text
    assert (await running.ordered("ErasureRequested"))["contact"] == contact_id(5)
    gone = await browser.get(person)
    assert gone.status_code == httpx.codes.GONE
    for trace in ("Person 5", "person5"):
        assert trace not in gone.text
        assert trace not in progress.text
    assert "Person 5" not in (await browser.get(LIST)).text
