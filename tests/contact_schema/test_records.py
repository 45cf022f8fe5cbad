"""Record ids: every door computes the same one, for ever."""

import base64
import hashlib
import hmac
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from contact_schema.records import (
    Unit,
    candidate_ids,
    fact_id,
    living_id,
    opaque_id,
    record_id,
    space_key,
    unit_id,
)

KEY = space_key("deployment secret", "space_1")
CONVERSATION = Unit("conversation", "agent_1", "conv-1")
TEXT = st.text(alphabet=st.characters(), max_size=12)
UNITS = st.builds(Unit, st.sampled_from(["conversation", "session", "api"]), TEXT, TEXT)
PUBLIC_ID = re.compile(r"contact_[a-z2-7]{26}")


def test_ids_that_were_given_out_are_computed_again_by_every_later_version() -> None:
    assert unit_id(KEY, CONVERSATION) == "unit_2mmnza7uzsc5w27eqgcaf7knem"
    assert record_id(KEY, CONVERSATION, None) == "contact_f7ohnedmab5nciip2tottqibpq"
    assert record_id(KEY, CONVERSATION, "user_42") == "contact_l6e3b5xrqtcyshn5ihhbv4v7ys"
    assert record_id(KEY, CONVERSATION, None, 1) == "contact_veadjpwmzufu7q7gu44aza5fwb"
    assert fact_id(KEY, "evt-1", 0) == "fact_3hwsvmfv2qu3bajeczrgltrax4"


ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=12)


@given(st.lists(ANY_TEXT | st.integers(-(2**70), 2**70), max_size=6))
def test_an_id_is_base32_of_the_keyed_hash_of_its_parts_as_json(parts: list[str | int]) -> None:
    """Spelled out slowly here: a faster way must make the same ids, whatever people are called."""
    canonical = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    message = b"unit\0" + canonical.encode("utf-8", "surrogatepass")
    digest = hmac.digest(KEY, message, hashlib.sha256)
    written = base64.b32encode(digest).decode().lower()[:26]
    assert opaque_id(KEY, "unit", *parts) == f"unit_{written}"


@given(UNITS, UNITS, st.none() | TEXT, st.none() | TEXT, st.integers(0, 3), st.integers(0, 3))
def test_two_records_share_an_id_only_if_they_are_one(
    one: Unit, other: Unit, user: str | None, another: str | None, first: int, second: int
) -> None:
    same_id = record_id(KEY, one, user, first) == record_id(KEY, other, another, second)
    assert same_id == ((one, user, first) == (other, another, second))


@given(UNITS, st.none() | TEXT)
def test_a_public_id_says_nothing_of_its_unit_and_belongs_to_one_space(
    unit: Unit, user: str | None
) -> None:
    public = record_id(KEY, unit, user)
    assert PUBLIC_ID.fullmatch(public)
    assert public != record_id(space_key("deployment secret", "space_2"), unit, user)
    assert public != record_id(space_key("another secret", "space_1"), unit, user)


def test_no_user_is_not_an_empty_user() -> None:
    assert record_id(KEY, CONVERSATION, None) != record_id(KEY, CONVERSATION, "")


def test_parts_of_an_id_cannot_be_shifted_into_each_other() -> None:
    assert fact_id(KEY, "ab", "c") != fact_id(KEY, "a", "bc")
    assert fact_id(KEY, "1") != fact_id(KEY, 1)


def test_a_visit_after_an_erasure_is_the_lowest_generation_that_is_not_fenced() -> None:
    ids = candidate_ids(KEY, CONVERSATION, "user_42")
    assert living_id(KEY, CONVERSATION, "user_42", ()) == ids[0]
    assert living_id(KEY, CONVERSATION, "user_42", {ids[0], ids[1]}) == ids[2]
    assert living_id(KEY, CONVERSATION, "user_42", {ids[1]}) == ids[0]
    assert living_id(KEY, CONVERSATION, None, {ids[0]}) == candidate_ids(KEY, CONVERSATION, None)[0]


def test_more_generations_than_are_looked_up_at_once_are_still_found() -> None:
    fenced = set(candidate_ids(KEY, CONVERSATION, None, 20))
    assert living_id(KEY, CONVERSATION, None, fenced) == record_id(KEY, CONVERSATION, None, 20)
