"""HubSpot's own client for Python drives the stand-in: what it accepts, we may rely on."""

import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hubspot import HubSpot
from hubspot.crm.contacts import ApiException
from hubspot.crm.contacts.models import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    PublicGdprDeleteInput,
    PublicMergeInput,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.properties.models import PropertyCreate

from tests.standins.conftest import Running


def contacts_of(hubspot: Running, token: str = "pat-test") -> Any:
    # The client makes a new object at each access, so each is kept with its own address
    found = HubSpot(access_token=token).crm.contacts
    apis = {name: getattr(found, name) for name in ("basic_api", "batch_api", "search_api")}
    for api in apis.values():
        api.api_client.configuration.host = hubspot.url
    return SimpleNamespace(**apis)


def define_key(hubspot: Running) -> None:
    client = HubSpot(access_token="pat-test").crm.properties.core_api
    client.api_client.configuration.host = hubspot.url
    created = client.create(
        "contacts",
        PropertyCreate(
            name="kith_contact_id",
            label="Kith contact",
            type="string",
            field_type="text",
            group_name="contactinformation",
            has_unique_value=True,
        ),
    )
    assert created.has_unique_value is True
    assert client.get_by_name("contacts", "kith_contact_id").name == "kith_contact_id"


def upsert(*rows: dict[str, Any]) -> BatchInputSimplePublicObjectBatchInputUpsert:
    return BatchInputSimplePublicObjectBatchInputUpsert(
        inputs=[
            {
                "idProperty": "kith_contact_id",
                "id": row.pop("key"),
                "objectWriteTraceId": row.pop("trace", None),
                "properties": row,
            }
            for row in rows
        ]
    )


def control(hubspot: Running, **order: Any) -> None:
    httpx.post(f"{hubspot.url}/_control", json=order).raise_for_status()


def refusal(caught: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(caught.value.body)
    return body


def test_an_upsert_creates_once_and_then_updates_the_same_record(hubspot: Running) -> None:
    define_key(hubspot)
    batch = contacts_of(hubspot).batch_api
    first = batch.upsert(upsert({"key": "contact_a", "email": "ada@example.com", "trace": "a:1"}))
    again = batch.upsert(upsert({"key": "contact_a", "firstname": "Ada"}))
    assert [row.new for row in (*first.results, *again.results)] == [True, False]
    assert first.results[0].id == again.results[0].id
    assert again.results[0].properties["email"] == "ada@example.com"
    assert first.results[0].object_write_trace_id == "a:1"


def test_two_rows_with_one_address_fail_the_whole_batch_and_name_the_existing_id(
    hubspot: Running,
) -> None:
    define_key(hubspot)
    contacts = contacts_of(hubspot)
    rows = upsert(
        {"key": "contact_a", "email": "ada@example.com"},
        {"key": "contact_b", "email": "ADA@example.com"},
    )
    with pytest.raises(ApiException) as caught:
        contacts.batch_api.upsert(rows)
    assert caught.value.status == 409
    assert refusal(caught)["message"].startswith("Contact already exists. Existing ID: ")
    assert contacts.basic_api.get_page().results == []


@pytest.mark.parametrize(
    ("properties", "error"),
    [
        pytest.param({"shoe_size": "43"}, "PROPERTY_DOESNT_EXIST", id="unknown"),
        pytest.param({"createdate": "2026-01-01"}, "READ_ONLY_VALUE", id="read-only"),
        pytest.param({"email": "not an address"}, "INVALID_EMAIL", id="address"),
    ],
)
def test_a_bad_property_is_a_validation_error_that_names_it(
    hubspot: Running, properties: dict[str, str], error: str
) -> None:
    basic = contacts_of(hubspot).basic_api
    with pytest.raises(ApiException) as caught:
        basic.create(SimplePublicObjectInputForCreate(properties=properties, associations=[]))
    body = refusal(caught)
    assert (caught.value.status, body["category"]) == (400, "VALIDATION_ERROR")
    [detail] = json.loads(body["message"].partition(": ")[2])
    assert (detail["name"], detail["error"]) == (next(iter(properties)), error)


def test_a_record_is_read_changed_archived_and_gone(hubspot: Running) -> None:
    basic = contacts_of(hubspot).basic_api
    made = basic.create(
        SimplePublicObjectInputForCreate(properties={"email": "bo@example.com"}, associations=[])
    )
    basic.update(made.id, SimplePublicObjectInput(properties={"firstname": "Bo", "email": ""}))
    read = basic.get_by_id(made.id, properties=["firstname", "email"])
    assert (read.properties["firstname"], read.properties["email"]) == ("Bo", None)
    basic.archive(made.id)
    with pytest.raises(ApiException) as caught:
        basic.get_by_id(made.id)
    assert caught.value.status == 404


def test_deleting_for_good_by_record_id_leaves_nothing_to_read(hubspot: Running) -> None:
    contacts = contacts_of(hubspot)
    made = contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "cy@example.com"}, associations=[])
    )
    contacts.basic_api.purge(PublicGdprDeleteInput(object_id=made.id))
    with pytest.raises(ApiException) as caught:
        contacts.basic_api.get_by_id(made.id)
    assert caught.value.status == 404
    assert "cy@example.com" not in httpx.get(f"{hubspot.url}/_contacts").text


def test_a_batch_update_tells_the_missing_record_apart_from_the_others(hubspot: Running) -> None:
    contacts = contacts_of(hubspot)
    made = contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "di@example.com"}, associations=[])
    )
    rows = [{"id": made.id, "properties": {"firstname": "Di"}, "objectWriteTraceId": "d:1"}]
    rows.append({"id": "999", "properties": {"firstname": "No"}, "objectWriteTraceId": "x:1"})
    answer = contacts.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert [row.id for row in answer.results] == [made.id]
    assert answer.num_errors == 1
    assert answer.errors[0].category == "OBJECT_NOT_FOUND"
    assert answer.errors[0].context["objectWriteTraceId"] == ["x:1"]


def test_an_address_as_id_of_a_batch_update_silently_changes_nothing(hubspot: Running) -> None:
    contacts = contacts_of(hubspot)
    made = contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "ed@example.com"}, associations=[])
    )
    rows = [{"id": "ed@example.com", "properties": {"firstname": "Ed"}}]
    answer = contacts.batch_api.update(BatchInputSimplePublicObjectBatchInput(inputs=rows))
    assert answer.results == []
    assert contacts.basic_api.get_by_id(made.id).properties["firstname"] is None


def test_a_batch_is_read_by_address_and_archived_by_id(hubspot: Running) -> None:
    contacts = contacts_of(hubspot)
    made = contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "fi@example.com"}, associations=[])
    )
    by_address = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": "FI@example.com"}, {"id": "nobody@example.com"}],
        id_property="email",
        properties=["email"],
        properties_with_history=[],
    )
    assert [row.id for row in contacts.batch_api.read(by_address).results] == [made.id]
    contacts.batch_api.archive(BatchInputSimplePublicObjectId(inputs=[{"id": made.id}]))
    assert contacts.batch_api.read(by_address).results == []


def test_more_than_a_hundred_rows_are_refused(hubspot: Running) -> None:
    define_key(hubspot)
    rows = upsert(*({"key": f"contact_{n}", "firstname": "N"} for n in range(101)))
    with pytest.raises(ApiException) as caught:
        contacts_of(hubspot).batch_api.upsert(rows)
    assert caught.value.status == 400


def test_search_is_behind_the_writes(hubspot: Running) -> None:
    contacts = contacts_of(hubspot)
    contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"email": "gu@example.com"}, associations=[])
    )
    wanted = PublicObjectSearchRequest(
        filter_groups=[
            {"filters": [{"propertyName": "email", "operator": "EQ", "value": "gu@example.com"}]}
        ],
        limit=10,
    )
    assert contacts.search_api.do_search(wanted).total == 0


@pytest.mark.parametrize("name", ["423", "477", "500", "502", "521", "524"])
def test_a_scripted_fault_hits_the_next_call_only(hubspot: Running, name: str) -> None:
    control(hubspot, fail=[{"fault": name, "retry_after": 3}])
    basic = contacts_of(hubspot).basic_api
    with pytest.raises(ApiException) as caught:
        basic.get_page()
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (int(name), "3")
    assert basic.get_page().results == []


def test_too_many_calls_are_answered_with_the_policy_and_what_is_left(hubspot: Running) -> None:
    control(hubspot, limits={"per_window": 1})
    basic = contacts_of(hubspot).basic_api
    basic.get_page()
    with pytest.raises(ApiException) as caught:
        basic.get_page()
    assert (caught.value.status, refusal(caught)["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert caught.value.headers["X-HubSpot-RateLimit-Remaining"] == "0"


def test_a_merge_makes_a_new_record_and_both_old_ids_answer_with_it(hubspot: Running) -> None:
    basic = contacts_of(hubspot).basic_api
    one, two = (
        basic.create(
            SimplePublicObjectInputForCreate(properties={"email": address}, associations=[])
        )
        for address in ("ina@example.com", "ina@example.org")
    )
    merged = basic.merge(PublicMergeInput(primary_object_id=one.id, object_id_to_merge=two.id))
    assert merged.id not in (one.id, two.id)
    assert {basic.get_by_id(old.id).id for old in (one, two)} == {merged.id}
    assert merged.properties["email"] == "ina@example.com"
    assert merged.properties["hs_additional_emails"] == "ina@example.org"


def test_a_revoked_token_is_refused(hubspot: Running) -> None:
    control(hubspot, revoked=True)
    with pytest.raises(ApiException) as caught:
        contacts_of(hubspot).basic_api.get_page()
    assert caught.value.status == 401


def test_a_call_that_was_done_may_still_be_answered_with_an_error(hubspot: Running) -> None:
    control(hubspot, fail=[{"fault": "drop_after"}])
    basic = contacts_of(hubspot).basic_api
    with pytest.raises(ApiException) as caught:
        basic.create(
            SimplePublicObjectInputForCreate(
                properties={"email": "hal@example.com"}, associations=[]
            )
        )
    assert caught.value.status == 502
    assert len(basic.get_page().results) == 1


def test_a_seed_repeats_its_story() -> None:
    from kith.standins.hubspot.faults import Faults

    stories = [
        [fault and fault.name for fault in (faults.next("/batch/upsert") for _ in range(200))]
        for faults in (Faults(seed=7, rate=0.1), Faults(seed=7, rate=0.1))
    ]
    assert stories[0] == stories[1]
    assert any(stories[0])
