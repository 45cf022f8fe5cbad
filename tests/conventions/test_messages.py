"""Which fields of a message may speak of a person. A new string field must be one or the other."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from contact_schema.envelope import Message, is_personal
from contact_schema.messages import MESSAGES
from contact_schema.settings import AgentSettings
from tests.conventions.places import ROOT, SERVICES

# Opaque ids that Kith itself gives.
IDS_OF_KITH = """
space agent workspace record records unit claim fact facts contact contacts command survivor merge
into absorbed suggested link actor parts undone undone_too hold erasure connection lift ids id
requested_by
"""
IDS = set(IDS_OF_KITH.split())
# One of a few words that Kith, or the team in its settings, chose; names of fields; sentences that
# Kith wrote.
WORDS = {
    "InteractionAccepted.channel",
    "Attachment.content_type",
    "LinkRecords.left",
    "LinkRecords.right",
    "ContactChanged.left",
    "Pick.field",
    "Audience.value",
    "TierMismatch.has",
    "TierMismatch.source",
    "CommandSettled.code",
    "CommandSettled.outranked",
    "CrmStateChanged.reason_code",
    "CrmStateChanged.reason",
    "CrmConnectionChanged.label",
    "CrmConnectionChanged.reason",
    "ErasureScoped.blocked",
    "ErasureAdvanced.reason",
    "SliceErased.counts",
    "Expiry.store",
    "AgentSettings.name",
    "AgentSettings.region",
    "KeySettings.last4",
    "KeySettings.origins",
    "Policies.blocked_values",
    "Policies.audiences",
    "Policies.plan_audiences",
}
# Ids of somebody else's system: pseudonyms, kept apart from what names a person.
PSEUDONYMS = {"CrmStateChanged.remote_id", "CrmStateChanged.remote_url"}


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(annotation):
        yield from models(part)


def holds_text(annotation: Any) -> bool:
    return annotation in (str, Any, dict) or any(map(holds_text, get_args(annotation)))


def plain_fields() -> set[tuple[str, str]]:
    return {
        (model.__name__, name)
        for message in MESSAGES
        for model in models(message)
        for name, field in model.model_fields.items()
        if holds_text(field.annotation) and not is_personal(field)
    }


def test_every_text_in_a_message_is_personal_or_listed_as_plain() -> None:
    unlisted = {
        f"{model}.{name}"
        for model, name in plain_fields()
        if name not in IDS and f"{model}.{name}" not in WORDS | PSEUDONYMS
    }
    assert not unlisted


def test_no_field_is_listed_as_plain_that_is_not_there() -> None:
    there = {f"{model}.{name}" for model, name in plain_fields()}
    assert not (WORDS | PSEUDONYMS) - there


def test_the_compacted_topic_holds_nothing_of_a_person() -> None:
    """What is compacted stays for ever, so an erasure could not reach it. Digests of keys are
    marked because they are secret, not because they name somebody."""
    personal = {
        f"{model.__name__}.{name}"
        for model in models(AgentSettings)
        for name, field in model.model_fields.items()
        if is_personal(field)
    }
    assert personal == {"KeySettings.digest"}


TOPICS: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "deploy" / "topics.yaml").read_text("utf-8")
)["topics"]
# The kit's own protocol between relays; no message of the contract.
OF_THE_KIT = {"contacts.refills.v1"}


def documented() -> dict[str, dict[str, set[str]]]:
    """The table of the contract's README: topic to its columns."""
    text = (ROOT / "libs" / "contact_schema" / "README.md").read_text("utf-8")
    columns = ("writers", "readers", "key", "messages", "retention")
    rows = re.findall(r"^\| `(contacts\.[\w.-]+)` \|(.+)\|$", text, re.MULTILINE)
    return {
        topic: {
            column: {word.strip(" `") for word in cell.split(",")}
            for column, cell in zip(columns, cells.split("|"), strict=True)
        }
        for topic, cells in rows
    }


def of_the_catalogue() -> dict[str, set[str]]:
    by_topic: dict[str, set[str]] = {}
    for message in MESSAGES:
        by_topic.setdefault(message.TOPIC, set()).add(message.__name__)
    return by_topic


def test_every_message_is_provisioned_and_documented_on_its_topic_and_no_other() -> None:
    provisioned = {
        topic: set(told["messages"]) for topic, told in TOPICS.items() if topic not in OF_THE_KIT
    }
    documented_messages = {topic: row["messages"] for topic, row in documented().items()}
    assert provisioned == documented_messages == of_the_catalogue()


@pytest.mark.parametrize("role", ["writers", "readers"])
def test_who_writes_and_reads_a_topic_is_told_the_same_in_both_places(role: str) -> None:
    provisioned = {
        topic: {
            service.replace("_", "-")
            for route in told["messages"].values()
            for service in route[role]
        }
        for topic, told in TOPICS.items()
        if topic not in OF_THE_KIT
    }
    told = {
        topic: {service.replace("_", "-") for service in SERVICES}
        if row[role] == {"every service"}
        else row[role]
        for topic, row in documented().items()
    }
    assert provisioned == told


def test_keys_and_retention_are_told_as_they_are() -> None:
    of_key = {
        message.TOPIC: "space" if message.key is Message.key else "agent" for message in MESSAGES
    }
    for topic, row in documented().items():
        config = TOPICS[topic].get("config", {})
        assert row["key"] == {of_key[topic]}
        compacted = config.get("cleanup.policy") == "compact"
        assert row["retention"] == ({"compacted"} if compacted else {"7 days"})
