"""Templates: values come in, and nothing in them runs."""

import pytest

from contacts_api.domain.rendering import MAX_CHARACTERS, render
from tests.contacts_api.front import Front, create, problem

ADA = {
    "name": "Ada",
    "email": "ada@example.com",
    "external_id": "u1",
    "phone": None,
    "custom_attributes": {"plan": "gold", "seats": 3, "trick": "{{contact.email}}", "beta": True},
}


@pytest.mark.parametrize(
    ("template", "text", "missing"),
    [
        ("Hello {{contact.name}}!", "Hello Ada!", []),
        ("{{ contact.email }} {{contact.external_id}}", "ada@example.com u1", []),
        ("{{contact.attr.plan}} {{contact.attr.seats}} {{contact.attr.beta}}", "gold 3 true", []),
        ("[{{contact.phone}}{{contact.phone}}]", "[]", ["contact.phone"]),
        ("[{{contact.attr.none}}]", "[]", ["contact.attr.none"]),
        ("{{contact.attr.trick}}", "{{contact.email}}", []),
        ("{{7*7}} {% if 1 %} {contact.name} ${contact.name}", None, []),
        ("{{contact.custom_attributes}} {{contact.__class__}} {{contact.name.upper()}}", None, []),
    ],
)
def test_places_are_filled_and_everything_else_stays(
    template: str, text: str | None, missing: list[str]
) -> None:
    assert render(template, ADA) == (template if text is None else text, missing)


def test_without_a_contact_every_place_is_empty() -> None:
    template = "Hello {{contact.name}}, {{contact.attr.plan}} {{contact.name}}"
    assert render(template, None) == ("Hello ,  ", ["contact.name", "contact.attr.plan"])


async def test_an_unverified_conversation_renders_nothing(front: Front) -> None:
    await create(front, external_id="u1", name="Ada")
    path = "/v1/conversations/c1/render"
    answer = await front.api.post(path, json={"template": "Hello {{contact.name}}"})
    assert answer.json() == {"text": "Hello ", "verified": False, "missing": ["contact.name"]}
    for bad in ({}, {"template": 1}, {"template": "x" * (MAX_CHARACTERS + 1)}, {"text": ""}):
        refused = problem(await front.api.post(path, json=bad), 422, "invalid")
        assert len(refused["errors"]) == 1
