"""Every documented case of other systems, and of our own rules, in whatever order it arrives."""

from typing import Any

import pytest

from contact_schema.records import Unit, record_id
from merge_resolver.neutral_events import KEY
from tests.merge_resolver.scenarios import CASES, arrivals, resolved


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_documented_case_gives_its_groups_in_every_order(case: dict[str, Any]) -> None:
    answers = [resolved(events) for events in arrivals(case["events"])]
    for given in answers:
        groups = sorted(contact["members"] for contact in given["contacts"])
        assert groups == sorted(sorted(group) for group in case["expected_groups"])
        assert given["unlinked_identifiers"] == case["unlinked_identifiers"]
        for what in ("profile", "said"):
            for conversation, fields in case.get(f"expected_{what}", {}).items():
                assert [one[what] for one in holding(conversation, given)] == [fields]
        for what in ("id", "profile", "said"):
            assert [one[what] for one in given["contacts"]] == [
                one[what] for one in answers[0]["contacts"]
            ]
        if "expected_refused" in case:
            assert refusals(given) == case["expected_refused"]
        if "expected_founder" in case:
            unit = Unit("conversation", "file", case["expected_founder"])
            users = [one["verified_user"] for one in case["events"] if one.get("verified_user")]
            founders = {record_id(KEY, unit, user) for user in (None, *users)}
            assert {one["id"] for one in given["contacts"]} <= founders


def holding(conversation: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in given["contacts"] if f"conv:{conversation}" in one["members"]]


def refusals(given: dict[str, Any]) -> list[str]:
    return sorted(
        f"{no['record']} {no['identifier']} {no['code']}"
        for contact in given["contacts"]
        for no in contact["refused"]
    )
