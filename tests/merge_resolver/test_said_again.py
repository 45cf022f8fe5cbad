"""What a record says once more: nothing new on the same day, and yet it counts."""

from tests.merge_resolver.engine import Engine, event, row, told, verified

A, B = (told("email", f"{one}@example.com", "asserted") for one in "ab")
DAY = 24 * 60


async def test_an_address_that_is_given_again_after_another_is_the_one_that_counts(
    engine: Engine,
) -> None:
    for minute, address in enumerate((A, B, A)):
        await engine.take(row("contact_row", minute, address))
    assert engine.contacts()["contact_row"].email == "a@example.com"


async def test_a_row_that_says_what_is_known_is_no_fact_however_late(engine: Engine) -> None:
    await engine.take(row("contact_row", 0, A, fields={"name": "Ada"}))
    again = await engine.settle(row("contact_row", 100 * DAY, A, fields={"name": "Ada"}))
    assert again.outcome == "unchanged"


async def test_a_number_that_somebody_still_uses_does_not_pass_to_whoever_else_names_it(
    engine: Engine,
) -> None:
    """In one long conversation, so that only the repetition tells for how long he has it."""
    number = told("phone", "+4930111111")
    for day in range(0, 200, 20):
        await engine.take(verified("contact_his", day * DAY, "u1", number))
    await engine.take(verified("contact_other", 70 * DAY, "u2", number))
    await engine.take(event("contact_new", 210 * DAY, number))
    assert engine.records()["contact_new"] == {"contact_new"}


async def test_a_message_of_the_same_day_is_no_fact(engine: Engine) -> None:
    browser = told("browser", "b1")
    for minute in (0, 5, 10):
        await engine.take(event("contact_a", minute, browser))
    count = "SELECT count(*) FROM merge_resolver.facts WHERE record = 'contact_a'"
    assert await engine.tx.connection.fetchval(count) == 1
