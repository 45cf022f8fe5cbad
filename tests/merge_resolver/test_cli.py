"""`kith resolve` and `kith normalise` as a stranger meets them: files that are not quite right."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kith.main import make

EVENT = {"t": 1, "do": "observe", "conversation": "a", "identifiers": []}
MAIL = {"type": "email", "value": "ada@example.com", "trust": "asserted"}


def run(given: bytes, *options: str) -> Result:
    return CliRunner().invoke(make(), ["resolve", "-", *options], input=given)


def written(*events: Any) -> bytes:
    return json.dumps({"events": events}, indent=1).encode()


def groups(given: bytes, *options: str) -> list[list[str]]:
    ran = run(given, *options)
    assert (ran.exit_code, ran.stderr) == (0, "")
    return sorted(one["members"] for one in json.loads(ran.stdout)["contacts"])


def complaint(given: bytes, *options: str) -> str:
    ran = run(given, *options)
    assert (ran.exit_code, ran.stdout) == (2, "")
    return ran.stderr.replace("kith resolve: ", "").strip()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"", "the file is not JSON: line 1, column 1"),
        (b"{", "the file is not JSON: line 1, column 2"),
        (b"{}\n{}", "the file is not JSON: line 2, column 1"),
        (b"\x1f\x8b\x08\x00", "the file is compressed"),
        (b'{"events": "\xe4"}', "the file is not UTF-8: byte 12"),
        (b'[{"t": NaN}]', "NaN is no number of JSON"),
        (b"[" * 200_000, "the file is nested too deeply"),
        (b"5", 'the file has no list "events"'),
        (b'{"events": {}}', 'the file has no list "events"'),
    ],
)
def test_a_file_that_is_none_is_said_to_be_none(given: bytes, says: str) -> None:
    assert says in complaint(given)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (None, "event 0 (line 3) should be an object"),
        ({"do": "observed"}, "event 0 (line 3): do should be observe, merge, "),
        ({"do": "observe", "t": 1}, "event 0 (line 3): conversation is missing"),
        (EVENT | {"conversation": ""}, "conversation should not be empty"),
        (EVENT | {"conversation": ["a"]}, "conversation should be a text"),
        (EVENT | {"t": None}, "t should be a whole number"),
        (EVENT | {"t": 1.5}, "t should be a whole number"),
        (EVENT | {"t": True}, "t should be a whole number"),
        (EVENT | {"t": 1 << 70}, "t should be less than"),
        (EVENT | {"verified_user": True}, "verified_user should be a text"),
        (EVENT | {"verified_user": "a\0"}, "verified_user holds a character that is no text"),
        (EVENT | {"conversation": "\ud800"}, "conversation holds a character that is no text"),
        (EVENT | {"identifiers": {}}, "identifiers should be a list"),
        (EVENT | {"identifiers": [MAIL, {"type": "email"}]}, "identifiers.1.value is missing"),
        (EVENT | {"identifiers": [MAIL | {"type": "mail"}]}, "identifiers.0.type should be"),
        (EVENT | {"identifiers": [MAIL | {"trust": "high"}]}, "identifiers.0.trust should be"),
        (EVENT | {"identifiers": [MAIL | {"value": {}}]}, "identifiers.0.value should be a text"),
        (EVENT | {"profile": "Ada"}, "profile should be an object"),
        (EVENT | {"profile_trust": "high"}, "profile_trust should be typed, channel, "),
        ({"do": "merge", "left": "a"}, "right is missing"),
        (
            {"do": "separate", "sides": [{"conversations": []}]},
            "sides should have two sides or more",
        ),
        ({"do": "logout", "identifier": MAIL}, "t is missing"),
        ({"do": "undo"}, "event 0 (line 3): event is missing"),
    ],
)
def test_an_event_that_cannot_be_read_is_named_with_its_field(event: Any, says: str) -> None:
    assert says in complaint(written(event))


def test_each_wrong_event_is_named_with_its_line_and_none_of_its_values() -> None:
    given = b'[\n{"t":1,"do":"observe","conversation":"a"},\n{"do":"erase"},\r\n{"do":"secret"}]'
    first, second = complaint(given).splitlines()
    assert first == "event 1 (line 3): conversation is missing"
    assert second.startswith("event 2 (line 4): do should be")
    assert "secret" not in second
    assert complaint(written(*[None] * 50)).splitlines()[-1] == "and 30 more"


def test_a_file_of_any_program_is_read() -> None:
    text = written(EVENT | {"identifiers": [MAIL]})
    for given in (
        text,
        b"\xef\xbb\xbf" + text,
        text.replace(b"\n", b"\r\n"),
        text.decode().encode("utf-16"),
        json.dumps([EVENT | {"identifiers": [MAIL | {"note": 1}], "more": None}]).encode(),
    ):
        assert groups(given) == [["conv:a", "email:ada@example.com"]]
    assert groups(b'{"events": []}') == []


def test_what_is_not_said_is_not_said_and_whole_numbers_are_their_digits() -> None:
    nothing = dict.fromkeys(("id", "verified_user", "identifiers", "profile", "profile_trust"))
    assert groups(written(EVENT | nothing, EVENT | nothing | {"conversation": 7})) == [
        ["conv:7"],
        ["conv:a"],
    ]
    numbers = {"verified_user": 42, "identifiers": [{"type": "phone", "value": 49}]}
    assert groups(written(EVENT | numbers)) == [["conv:a", "phone:49", "user:42"]]


def test_values_that_only_json_can_hold_are_printed() -> None:
    given = b'[{"t":1,"do":"observe","conversation":"a","profile":{"n":%d,"s":"\\ud800"}}]'
    ran = run(given % 10**30)
    assert json.loads(ran.stdout)["contacts"][0]["profile"] == {"n": 10**30, "s": "\ud800"}


def test_an_event_at_the_position_that_is_another_s_id_is_not_lost() -> None:
    first, second = EVENT | {"id": "1"}, EVENT | {"conversation": "b"}
    assert groups(written(first, second)) == [["conv:a"], ["conv:b"]]
    assert groups(written(first, second, {"do": "undo", "event": 1})) == [["conv:b"]]


def test_a_decision_that_comes_twice_with_other_content_counts_once_in_any_order() -> None:
    visits = [EVENT | {"conversation": one} for one in "abcd"]
    merges = [
        {"id": "m", "do": "merge", "left": "a", "right": ["b", "c"]},
        {"id": "m", "do": "merge", "left": "d", "right": "c"},
    ]
    there = groups(written(*visits, *merges))
    assert (
        there
        == groups(written(*visits, *merges[::-1]))
        == [
            ["conv:a", "conv:b", "conv:c"],
            ["conv:d"],
        ]
    )


def test_with_normalise_decisions_name_values_as_given_too() -> None:
    spelled = {"type": "email", "value": " Ada+x@Example.com ", "trust": "typed"}
    events = [
        EVENT | {"identifiers": [spelled]},
        EVENT | {"conversation": "b", "identifiers": [MAIL]},
    ]
    assert groups(written(*events), "--normalise") == [
        ["conv:a", "conv:b", "email:ada@example.com"]
    ]
    block = {"do": "block", "identifier": {"type": "email", "value": "ADA@example.com"}}
    assert groups(written(*events, block), "--normalise") == [["conv:a"], ["conv:b"]]


def test_the_example_of_the_help_is_read() -> None:
    shown = CliRunner().invoke(make(), ["resolve", "--help"], terminal_width=100).stdout
    example = shown[shown.index('{"t": 1') : shown.index("t is any whole number")]
    assert groups(f"[{example}]".encode()) == [["conv:c1", "email:ada@x.org", "user:u1"]]


def test_a_region_that_is_none_is_refused() -> None:
    assert "no such region" in complaint(written(EVENT), "--normalise", "--region", "Germany")
    phone = [{"type": "phone", "value": "030 123456"}]
    given = written(EVENT | {"identifiers": phone})
    assert groups(given, "--normalise", "--region", "de") == [["conv:a", "phone:+4930123456"]]
    ran = CliRunner().invoke(make(), ["normalise", "phone", "030 123456", "--region", "Germany"])
    assert (ran.exit_code, ran.stdout) == (2, "")


def test_a_value_that_must_not_link_is_an_empty_answer_and_a_status() -> None:
    for kind, value in (("email", "test@test.com"), ("phone", "0800 1234567"), ("whatsapp", "0")):
        ran = CliRunner().invoke(make(), ["normalise", kind, value, "--region", "DE"])
        assert (ran.exit_code, ran.stdout) == (1, "")
    lines = CliRunner().invoke(
        make(),
        ["normalise", "phone", "-", "--region", "DE"],
        input="030 123456\n\n+1\n01 650\tUS\n",
    )
    assert (lines.exit_code, lines.stdout) == (0, "+4930123456\n\n\n\n")
