import json
from pathlib import Path

import pytest

from kith.importing import NotImportable, Row, read


def _write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_core_columns_are_found_by_name_and_the_rest_become_attributes(tmp_path: Path) -> None:
    text = "User ID,E-mail,Full name,Plan,tags\nu1,ada@example.com,Ada,gold,vip; new\n"
    assert list(read(_write(tmp_path, "a.csv", text))) == [
        Row(
            2,
            {
                "external_id": "u1",
                "email": "ada@example.com",
                "name": "Ada",
                "tags": ["vip", "new"],
                "custom_attributes": {"Plan": "gold"},
            },
        )
    ]


def test_empty_cells_say_nothing(tmp_path: Path) -> None:
    rows = list(read(_write(tmp_path, "a.csv", "external_id,phone,plan\nu1,,\n")))
    assert rows == [Row(2, {"external_id": "u1"})]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_seen_in_the_first_line(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(("external_id", "name")) + "\n" + delimiter.join(("u1", "Ada")) + "\n"
    assert [row.contact for row in read(_write(tmp_path, "a.csv", text))] == [
        {"external_id": "u1", "name": "Ada"}
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_heading(tmp_path: Path) -> None:
    rows = list(read(_write(tmp_path, "a.csv", "\ufeffexternal_id\nu1\n")))
    assert rows[0].contact == {"external_id": "u1"}


def test_lines_are_those_of_the_file_even_after_a_break_inside_a_cell(tmp_path: Path) -> None:
    text = 'external_id,note\nu1,"two\nlines"\n\nu2,x\n'
    assert [row.line for row in read(_write(tmp_path, "a.csv", text))] == [2, 5]


def test_a_row_with_too_many_cells_fails_alone(tmp_path: Path) -> None:
    rows = list(read(_write(tmp_path, "a.csv", "external_id\nu1,extra\nu2\n")))
    assert [row.contact for row in rows] == [None, {"external_id": "u2"}]
    assert rows[0].problem


def test_a_broken_line_of_ndjson_fails_alone(tmp_path: Path) -> None:
    rows = list(read(_write(tmp_path, "a.ndjson", '{"external_id": "u1"}\n{oops\n\n[]\n')))
    assert [(row.line, row.contact is not None) for row in rows] == [
        (1, True),
        (2, False),
        (4, False),
    ]


def test_json_may_be_a_list_or_hold_one(tmp_path: Path) -> None:
    contacts = [{"external_id": "u1", "custom_attributes": {"plan": "gold"}, "city": "Bonn"}]
    bare = list(read(_write(tmp_path, "a.json", json.dumps(contacts))))
    held = list(read(_write(tmp_path, "b.json", json.dumps({"contacts": contacts}))))
    assert bare == held
    assert bare[0].contact == {
        "external_id": "u1",
        "custom_attributes": {"plan": "gold", "city": "Bonn"},
    }


def test_two_columns_for_one_thing_lose_nothing(tmp_path: Path) -> None:
    rows = list(
        read(_write(tmp_path, "a.csv", "external_id,email,E-Mail\nu1,a@b.example,c@d.example\n"))
    )
    assert rows[0].contact == {
        "external_id": "u1",
        "email": "a@b.example",
        "custom_attributes": {"E-Mail": "c@d.example"},
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.txt", "x"), ("a.json", "{"), ("a.json", '"text"'), ("a.csv", 'external_id\n"u1\n')],
    ids=["unknown kind", "broken JSON", "no list", "unclosed quote"],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(NotImportable):
        list(read(_write(tmp_path, name, text)))


def test_text_that_is_not_utf8_is_said(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"external_id\nM\xfcller\n")
    with pytest.raises(NotImportable):
        list(read(file))
