"""Which contacts stand with which records of a CRM, and what ends that."""

from typing import Any

import pytest

from crm_sync.domain.links import Connection, LocalContact, plan_links
from crm_sync.domain.profile import (
    agreed,
)
from crm_sync.domain.receiving import fold_changes
from tests.crm_sync.conftest import SPACE, changed, link


def contact(kind: Any, **fields: str) -> LocalContact:
    return LocalContact(SPACE, "contact_a", kind, 2, fields)


CONNECTION = Connection(SPACE, "crm_1", "hubspot", {"email": "email"})


def test_a_linked_contact_stays_linked_when_it_falls_below_the_threshold() -> None:
    linked = link(state="synced", remote_id="8801", base=agreed({"email": "a@example.com"}, {}))
    plan = plan_links(
        [CONNECTION],
        [contact("anonymous", email="b@example.com")],
        [("contact_a", linked)],
        changed={(SPACE, "contact_a")},
    )
    assert [(s.link.state, s.due) for s in plan.saved] == [("pending", "settle")]


def test_a_refused_contact_waits_for_a_change_of_what_crosses() -> None:
    refused = link(state="error", reason_code="validation", key_written=True)
    same = plan_links(
        [CONNECTION], [contact("lead", email="bad")], [("contact_a", refused)], changed=()
    )
    assert [(s.link.state, s.due) for s in same.saved] == [("error", "keep")]
    assert same.told == ()
    better = plan_links(
        [CONNECTION],
        [contact("lead", email="good@example.com")],
        [("contact_a", refused)],
        changed={(SPACE, "contact_a")},
    )
    assert [(s.link.state, s.due) for s in better.saved] == [("pending", "settle")]


@pytest.mark.parametrize("code", ["erased", "remote_deleted", "blocked_in_crm"])
def test_a_change_never_ends_what_only_a_person_ends(code: str) -> None:
    ended = link(state="not_synced", reason_code=code, key_written=True)
    plan = plan_links(
        [CONNECTION],
        [contact("lead", email="a@example.com")],
        [("contact_a", ended)],
        changed={(SPACE, "contact_a")},
    )
    assert [(s.link.state, s.link.reason_code, s.due) for s in plan.saved] == [
        ("not_synced", code, "never")
    ]


def test_nobody_forces_an_erased_contact() -> None:
    erased = link(state="not_synced", reason_code="erased")
    plan = plan_links(
        [CONNECTION],
        [contact("lead", email="a@example.com")],
        [("contact_a", erased)],
        changed=(),
        forced={(SPACE, "contact_a", "crm_1")},
    )
    assert [s.due for s in plan.saved] == ["never"]


def test_a_record_that_changes_hands_in_one_batch_is_with_the_last_holder() -> None:
    folded = fold_changes(
        [
            (changed("contact_a", joined=("contact_a", "contact_x")), 1),
            (changed("contact_b", joined=("contact_b", "contact_x")), 2),
            (changed("contact_a", left=("contact_x",)), 3),
        ],
        fenced=(),
    )
    assert folded.held[SPACE, "contact_x"] == "contact_b"
    assert folded.snapshots[SPACE, "contact_a"][1] == 3
