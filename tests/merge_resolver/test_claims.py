"""A claim covers its session and the conversations opened in it: the verdict speaks for all of
their records, whenever it comes.
"""

import itertools

import pytest

from contact_schema.envelope import Message
from tests.merge_resolver.engine import Engine, event, told, verified

BROWSER = told("browser", "b1")
CLAIM = {"claim": "claim_session"}
LEAD = event("contact_before", 0, BROWSER, told("email", "ada@example.com"), unit="unit_talk")
UNDER_CLAIM = event("contact_after", 2, BROWSER, unit="unit_talk").model_copy(update=CLAIM)
VERDICT = verified("contact_session", 1, "u1", unit="unit_session").model_copy(update=CLAIM)


@pytest.mark.parametrize("order", list(itertools.permutations((LEAD, UNDER_CLAIM, VERDICT))))
async def test_a_true_claim_counts_for_what_was_said_under_it(
    engine: Engine, order: tuple[Message, ...]
) -> None:
    for message in order:
        await engine.take(message)
    (contact,) = engine.contacts().values()
    assert (contact.external_id, contact.email) == ("u1", "ada@example.com")
    assert engine.records()[contact.contact] == {
        "contact_before",
        "contact_after",
        "contact_session",
    }


async def test_without_a_verdict_a_claim_counts_for_nothing(engine: Engine) -> None:
    await engine.take(LEAD)
    await engine.take(UNDER_CLAIM)
    (contact,) = engine.contacts().values()
    assert (contact.kind, contact.external_id, contact.verified) == ("lead", None, None)


async def test_a_later_message_under_a_true_claim_is_known_at_once(engine: Engine) -> None:
    await engine.take(VERDICT)
    await engine.take(UNDER_CLAIM)
    engine.streams.known.forget()
    repeated = UNDER_CLAIM.observation.model_copy(update={"fact": "fact_again"})
    assert await engine.take(UNDER_CLAIM.model_copy(update={"observation": repeated})) == []
