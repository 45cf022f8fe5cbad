"""What crosses to a CRM and back, and what never does."""

from hypothesis import given
from hypothesis import strategies as st

from crm_sync.domain.profile import (
    DEFAULT_FIELD_MAP,
    agreed,
    differences,
    fields_of,
    properties_of,
)
from crm_sync.domain.sending import (
    DueLink,
    adopt,
)
from tests.crm_sync.conftest import changed, link

TEXT = st.text(max_size=8)
FIELDS = st.dictionaries(st.sampled_from(sorted(DEFAULT_FIELD_MAP)), TEXT)


def test_what_a_visitor_merely_said_does_not_cross() -> None:
    snapshot = changed("contact_a", said={"company": "Hearsay"}, name="  Ada   King Noel ").snapshot
    assert fields_of(snapshot, DEFAULT_FIELD_MAP) == {
        "audience": "public",
        "first_name": "Ada",
        "last_name": "King Noel",
    }


def test_a_mapped_attribute_crosses_as_text() -> None:
    snapshot = changed("contact_a", custom_attributes={"seats": 3, "note": "x", "off": None})
    wanted = ["attr.seats", "attr.note", "attr.off"]
    assert fields_of(snapshot.snapshot, wanted) == {"attr.note": "x", "attr.seats": "3"}


@given(FIELDS)
def test_what_was_agreed_is_not_sent_again(fields: dict[str, str]) -> None:
    properties = properties_of(fields, DEFAULT_FIELD_MAP)
    assert differences(properties, agreed(properties, {})) == {}


@given(FIELDS, FIELDS)
def test_a_crm_that_changes_what_it_is_given_starts_no_loop(
    fields: dict[str, str], returned: dict[str, str]
) -> None:
    properties = properties_of(fields, DEFAULT_FIELD_MAP)
    remote = properties_of(returned, DEFAULT_FIELD_MAP)
    assert differences(properties, agreed(properties, remote)) == {}


@given(FIELDS, FIELDS)
def test_linking_to_a_record_never_overwrites_what_it_has(
    fields: dict[str, str], remote: dict[str, str]
) -> None:
    there = {k: v for k, v in properties_of(remote, DEFAULT_FIELD_MAP).items() if v}
    item, base = adopt(DueLink(link(), fields), DEFAULT_FIELD_MAP, "8801", there)
    assert not set(item.properties) & set(there)
    merged = {**base, **agreed(item.properties, {})}
    assert differences(properties_of(fields, DEFAULT_FIELD_MAP), merged) == {}


def test_a_blank_goes_out_only_where_kith_wrote_a_value() -> None:
    properties = properties_of({}, {"company": "company", "phone": "phone"})
    base = {"company": {"kith": "Ltd", "crm": "Ltd"}}
    assert differences(properties, base) == {"company": ""}
