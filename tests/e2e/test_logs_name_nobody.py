"""A canary goes the good way and every failing one; then all that was logged is searched."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from kith.stack import SERVICES, Stack
from service_kit.packing import unpack
from tests.e2e.visitors import Doors, Visitor, eventually, from_channel, unique

CANARY = {
    "name": "Quendolin Zwitscherbart",
    "email": "quendolin.zwitscherbart@example.com",
    "phone": "+49 30 901820123",
    "company": "Zwitscher Vogelfutter KG",
    "attr": "mag keine Sonnenblumenkerne",
    "text": "Mein Schnabel tut weh, bitte ruft an",
    "url": "https://shop.example.com/vogelarzt?termin=kolibri-77",
}
NEEDLES = re.compile(
    r"quendolin|zwitscher|901820123|sonnenblumenkern|schnabel|kolibri-77|canary-(user|event)",
    re.IGNORECASE,
)


def person() -> dict[str, Any]:
    return {name: CANARY[name] for name in ("name", "email", "phone", "company")}


@pytest.fixture(scope="module")
def flown(doors: Doors, stack: Stack) -> str:
    """The contact's id, once the canary has been everywhere."""
    user, visitor = unique("canary-user"), Visitor.arrives()
    metadata = {**person(), "wish": CANARY["attr"]}
    doors.accept(
        visitor.looks(CANARY["url"]),
        visitor.says(CANARY["text"]),
        visitor.leaves_details(**person()),
        visitor.identifies(user, doors.sign(user), **metadata),
        visitor.identifies(unique("canary-user"), "not a hash", **metadata),
        from_channel("whatsapp", "4930901820123", CANARY["text"], sender={"name": CANARY["name"]}),
    )
    refused_by_ingest(doors, visitor)
    refused_by_the_api(doors)
    contact: str = doors.find_one(external_id=user)["id"]
    doors.api.get("/v1/contacts", params={"q": CANARY["name"]})
    doors.api.patch(f"/v1/contacts/{contact}", json={"company": CANARY["company"]})
    doors.api.post(f"/v1/contacts/{contact}/notes", json={"text": CANARY["text"]})
    return contact


def refused_by_ingest(doors: Doors, visitor: Visitor) -> None:
    repeated = {**visitor.says(CANARY["text"]), "event_id": unique("canary-event")}
    doors.send(repeated)
    doors.send(repeated)
    doors.send(
        {**visitor.says(CANARY["text"]), "type": CANARY["name"]},
        {**visitor.leaves_details(email=17, name=CANARY["name"])},
        {**visitor.identifies(CANARY["email"], doors.sign("x")), "user_metadata": CANARY["text"]},
        {"event_id": "x" * 200, "text": CANARY["text"]},
    )
    broken = json.dumps(person())[:-1].encode()
    for path in ("/v1/events", doors.widget_path, f"/v1/widget/{CANARY['email']}/events"):
        doors.ingest.post(path, content=broken, params={"who": CANARY["email"]})
        doors.ingest.post(path, content=json.dumps(visitor.says(CANARY["text"] * 1000)).encode())
    doors.ingest.get(f"/v1/{CANARY['email']}")


def refused_by_the_api(doors: Doors) -> None:
    doors.api.post("/v1/contacts", json={**person(), "audience": CANARY["name"]})
    doors.api.post("/v1/contacts", json={**person(), "phone": CANARY["name"], "tags": "no list"})
    doors.api.post("/v1/contacts", content=json.dumps(person())[:-1].encode())
    doors.api.post("/v1/contacts", content=b'{"name": "Quendolin\xff"}')
    doors.api.get(f"/v1/contacts/{CANARY['email']}")
    doors.api.get("/v1/contacts", params={CANARY["name"]: CANARY["email"], "cursor": "Quendolin"})
    doors.api.post(f"/v1/contacts/{CANARY['email']}/merge", json={"into": CANARY["name"]})
    doors.api.get("/v1/contacts", headers={"Authorization": f"Bearer {CANARY['email']}"})


Headers = list[tuple[str, bytes]]
POISONED = {
    "adapter-events": ["ingest"],
    "interactions": ["merge_resolver", "contacts_api"],
    "identify": ["identity_verify"],
    "identity": ["merge_resolver"],
    "commands": ["merge_resolver", "crm_sync"],
}


def poisons() -> list[tuple[str, Headers, bytes]]:
    """Records that no reader can take, each with the canary in another place."""
    broken, wrong = json.dumps(person())[:-1].encode(), json.dumps({"event": person()}).encode()
    name, email = CANARY["name"].encode(), CANARY["email"].encode()
    headers: list[Headers] = [[("type", name), ("space", email)], [("producer", email)]]
    records = [(topic, several, broken) for topic in POISONED for several in headers]
    for type_ in (b"AdapterEvent", email):
        records += [("adapter-events", [("type", type_)], body) for body in (broken, wrong)]
    return records


async def poison_every_topic(stack: Stack) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.env["KITH_KAFKA_BOOTSTRAP"])
    await producer.start()
    try:
        for topic, headers, body in poisons():
            key = CANARY["email"].encode()
            name = f"contacts.{topic}.v1"
            await producer.send_and_wait(name, value=body, key=key, headers=headers)
    finally:
        await producer.stop()


def logged(stack: Stack) -> dict[str, str]:
    logs: list[Path] = sorted((stack.layout.directory / "logs").iterdir())
    return {log.name: log.read_text("utf-8", errors="replace") for log in logs}


def has_refused(stack: Stack, reader: str, topic: str) -> bool:
    group = f'"{reader.replace("_", "-")}.{topic}"'
    lines = logged(stack)[f"{reader}.log"].splitlines()
    return any(group in line and "message.rejected" in line for line in lines)


def lines_with_the_canary(texts: dict[str, str]) -> list[str]:
    return [
        f"{name}: {line[:300]}"
        for name, text in texts.items()
        for line in text.splitlines()
        if NEEDLES.search(line)
    ]


BYTES = re.compile(r"\\+x((?:[0-9a-f]{2})+)")


def readable(row: str) -> str:
    """A row as text, with what stands in columns of bytes."""
    return BYTES.sub(lambda found: bytes.fromhex(found[1]).decode("utf-8", "replace"), row)


async def schemas_with_the_canary(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            """SELECT schemaname, format('%I.%I', schemaname, tablename) AS name
                 FROM pg_tables WHERE schemaname = ANY($1::text[])""",
            list(SERVICES),
        )
        found = set()
        for schema, table in tables:
            rows = await connection.fetch(f"SELECT t::text AS line FROM {table} AS t")
            if any(NEEDLES.search(readable(row["line"])) for row in rows):
                found.add(schema)
        for schema in SERVICES:
            rows = await connection.fetch(
                f"SELECT o.first_seq, o.prev, o.messages FROM {schema}.outbox AS o"
            )
            bodies = (one.body.decode("utf-8", "replace") for row in rows for one in unpack(row))
            if any(NEEDLES.search(body) for body in bodies):
                found.add(schema)
        return found
    finally:
        await connection.close()


async def test_the_canary_is_in_the_database_so_the_search_would_see_it(
    flown: str, stack: Stack
) -> None:
    found = await schemas_with_the_canary(stack.env["KITH_POSTGRES_DSN"])
    assert {"ingest", "identity_verify", "merge_resolver", "contacts_api"} <= found


async def test_no_log_names_the_canary(flown: str, stack: Stack) -> None:
    await poison_every_topic(stack)
    for topic, readers in POISONED.items():
        for reader in readers:
            eventually(
                partial(has_refused, stack, reader, topic),
                f"a line of {reader} about its poisoned {topic}",
            )
    texts = logged(stack)

    assert {f"{service}.log" for service in SERVICES} <= set(texts)
    assert lines_with_the_canary(texts) == []


def test_no_metric_names_the_canary(flown: str, stack: Stack) -> None:
    texts = {
        name: httpx.get(f"{stack.env[name]}/metrics").text
        for name in ("KITH_API_URL", "KITH_INGEST_URL", "KITH_CRM_URL")
    }
    assert lines_with_the_canary(texts) == []


def test_no_answer_to_a_bad_request_repeats_the_canary(flown: str, doors: Doors) -> None:
    answers = [
        doors.api.post("/v1/contacts", json={**person(), "tags": CANARY["name"]}),
        doors.api.get("/v1/contacts", params={"cursor": CANARY["email"]}),
        doors.api.get(f"/v1/contacts/{CANARY['email']}"),
        doors.ingest.post("/v1/events", content=json.dumps(person())[:-1].encode()),
        doors.ingest.post("/v1/events", json={"type": CANARY["name"], "text": CANARY["text"]}),
    ]
    texts = {f"answer {number}": answer.text for number, answer in enumerate(answers)}
    assert lines_with_the_canary(texts) == []
