"""Golden samples: what was sent once must be read for ever, and stay the same on the way."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import contact_schema
from contact_schema.envelope import Message, is_personal
from contact_schema.messages import BY_TYPE, MESSAGES
from contact_schema.schemas import FOLDER, file_name, schema_text

GOLDEN = Path(contact_schema.__file__).parent / "golden"
SAMPLES = sorted(GOLDEN.glob("*.json"))


def covers(now: Any, then: Any) -> bool:
    """Whether today's dump says all that the sample said; fields added since may be there too."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(key in now and covers(now[key], value) for key, value in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(now) == len(then) and all(map(covers, now, then))
    return type(now) is type(then) and bool(now == then)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_and_says_the_same_when_sent_again(sample: Path) -> None:
    message = BY_TYPE[sample.name.partition(".")[0]].model_validate_json(sample.read_bytes())
    again = message.model_dump_json()

    assert covers(json.loads(again), json.loads(sample.read_text("utf-8")))
    assert type(message).model_validate_json(again) == message


def test_every_message_version_has_a_sample() -> None:
    missing = {file_name(message) for message in MESSAGES} - {sample.name for sample in SAMPLES}
    assert not missing


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_the_published_schema_is_the_one_of_the_message(message: type[Message]) -> None:
    published = (FOLDER / file_name(message)).read_text("utf-8")
    assert published == schema_text(message), "run python -m contact_schema.schemas"


def test_no_schema_is_published_of_a_message_that_is_not_in_the_catalogue() -> None:
    types = {path.name.partition(".")[0] for path in FOLDER.glob("*.json")}
    assert types == set(BY_TYPE)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_reader_ignores_fields_that_it_does_not_know(sample: Path) -> None:
    model = BY_TYPE[sample.name.partition(".")[0]]
    newer = json.loads(sample.read_text("utf-8")) | {"added_later": {"by": ["a newer writer"]}}
    assert model.model_validate_json(json.dumps(newer)) == model.model_validate_json(
        sample.read_bytes()
    )


PERSONS_WORDS = (
    "Lovelace",
    "'Ada",
    "ada@",
    "user_42",
    "+49",
    "café",
    "evt-",
    "vip",
    "Example Ltd",
    "aaa.bbb",
    "https://www.example.com/pricing",
)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_what_is_printed_of_a_message_names_nobody(sample: Path) -> None:
    message = BY_TYPE[sample.name.partition(".")[0]].model_validate_json(sample.read_bytes())
    assert not [word for word in PERSONS_WORDS if word in repr(message)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_an_error_about_a_message_does_not_repeat_its_values(message: type[Message]) -> None:
    wrong = {name: ["ada@example.com"] for name in message.model_fields}
    with pytest.raises(ValidationError) as refused:
        message.model_validate(wrong)
    assert "ada@example.com" not in str(refused.value)


def test_the_key_of_a_message_is_never_personal() -> None:
    for message in MESSAGES:
        key_field = "agent" if message.__name__ == "AgentSettings" else "space"
        assert not is_personal(message.model_fields[key_field])
