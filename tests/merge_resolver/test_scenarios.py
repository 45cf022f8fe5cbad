"""Every documented case of other systems, in whatever order its events arrive."""

from typing import Any

import pytest

from tests.merge_resolver.scenarios import CASES, arrivals, resolved


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_documented_case_gives_its_groups_in_every_order(case: dict[str, Any]) -> None:
    answers = [resolved(events) for events in arrivals(case["events"])]
    for given in answers:
        groups = sorted(contact["members"] for contact in given["contacts"])
        assert groups == sorted(sorted(group) for group in case["expected_groups"])
        assert given["unlinked_identifiers"] == case["unlinked_identifiers"]
        for conversation, profile in case.get("expected_profile", {}).items():
            shown = [
                contact["profile"]
                for contact in given["contacts"]
                if f"conv:{conversation}" in contact["members"]
            ]
            assert shown == [profile]
        assert [one["id"] for one in given["contacts"]] == [
            one["id"] for one in answers[0]["contacts"]
        ]
        assert [one["profile"] for one in given["contacts"]] == [
            one["profile"] for one in answers[0]["contacts"]
        ]
