"""The internal door: what it says of contacts, and that looking changes nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from contact_schema.changes import ContactsMerged
from contact_schema.commands import SeparateRecords, Side
from contact_schema.envelope import Message
from contact_schema.interactions import IdentityVerified, InteractionAccepted
from contact_schema.settings import AgentSettings
from merge_resolver.app import make
from merge_resolver.domain import Rules
from merge_resolver.handlers import Streams
from merge_resolver.known import KnownRecords
from merge_resolver.settings import Settings
from service_kit import migrate
from service_kit.http import build_app
from service_kit.service import Runtime
from service_kit.testing import received
from tests.conftest import at as database_at
from tests.merge_resolver.engine import (
    SPACE,
    TEAM,
    all_of,
    at,
    event,
    link,
    row,
    separate_merge,
    told,
    verified,
)

TOKEN = "a service token of the tests"
ADA = "ada@example.com"


@dataclass
class Door:
    """The resolver as it runs, and its door."""

    runtime: Runtime
    client: httpx.AsyncClient
    streams: Streams

    async def take(self, *messages: Message) -> list[Message]:
        """Each in a batch of its own, committed."""
        sent: list[Message] = []
        for message in messages:
            handler: Any = self.streams.on_commands
            if isinstance(message, InteractionAccepted):
                handler = self.streams.on_interactions
            elif isinstance(message, IdentityVerified):
                handler = self.streams.on_identity
            async with self.runtime.transaction([SPACE]) as tx:
                await handler([received(message)], tx)
                sent += tx.emitted
        return sent

    async def preview(self, kind: str, order: Message) -> dict[str, Any]:
        answer = await self.client.post(f"/previews/{kind}", json=order.model_dump(mode="json"))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = await self.client.get(path, params={"space": SPACE} | parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
async def opened(postgres: str, migrated: str, secret: str) -> AsyncIterator[Door]:
    name = f"{migrated}_resolver"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    settings = Settings(
        kafka_bootstrap="127.0.0.1:1",
        service_postgres_dsn=migrate.service_dsn(
            database_at(postgres, name), "merge_resolver", secret
        ),
        secret=secret,
        service_token=TOKEN,
        pool_min_size=1,
        pool_max_size=3,
    )
    service = make(settings)
    agent = AgentSettings(space=SPACE, agent="agent_1", workspace="workspace_1", name="Shop")
    service.replicas["settings"].put("agent_1", agent)
    service.replicas["settings"].complete.set()
    runtime = Runtime(service)
    await runtime.open()
    streams = Streams(secret, lambda _: Rules(), KnownRecords(100))
    transport = httpx.ASGITransport(build_app(service, runtime))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://resolver/internal/v1", headers=bearer
        ) as client:
            yield Door(runtime, client, streams)
    finally:
        await runtime.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def door(opened: Door) -> AsyncIterator[Door]:
    yield opened
    async with opened.runtime.transaction() as tx:
        for table in ("facts", "records", "identifiers", "contacts", "merges", "settled", "holds"):
            await tx.connection.execute(f"DELETE FROM merge_resolver.{table}")
    opened.streams.known.forget()


async def _three_in_a_row(door: Door) -> None:
    """contact_a – e-mail – contact_b – slack – contact_c"""
    slack = told("slack", "T1:U1", "proven")
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted"), fields={"name": "Ada"}),
        event("contact_b", 1, told("email", ADA), slack),
        event("contact_c", 2, slack),
    )


async def test_only_the_service_token_opens_it(door: Door) -> None:
    path = f"/contacts/contact_a/why?space={SPACE}"
    answer = await door.client.get(path, headers={"Authorization": "Bearer ak_somebody"})
    assert answer.status_code == 401


async def test_why_is_the_path_of_what_they_share_with_its_weakest_link(door: Door) -> None:
    await _three_in_a_row(door)
    found = await door.get("/contacts/contact_a/why", other="contact_c")
    assert found["one"] is True
    assert [(hop["from"], hop["identifier"], hop["to"], hop["rank"]) for hop in found["path"]] == [
        ("contact_a", f"email:{ADA}", "contact_b", 7),
        ("contact_b", "slack:T1:U1", "contact_c", 3),
    ]
    assert found["weakest"] == found["path"][0]
    assert (found["weakest"]["proof"], found["weakest"]["source"]) == ("typed", "typed")
    [without] = found["without"]
    assert without["fact_id"] == found["weakest"]["fact_id"]
    assert without["parts"] == [["contact_a"], ["contact_b", "contact_c"]]


async def test_what_would_come_apart_without_a_fact_is_asked_of_any_fact(door: Door) -> None:
    await _three_in_a_row(door)
    whole = await door.get("/contacts/contact_a/why")
    facts = [hop["fact_id"] for hop in whole["path"]]
    found = await door.get("/contacts/contact_a/why", without=[*facts, "fact_none"])
    assert [one["parts"] for one in found["without"]] == [
        [["contact_a"], ["contact_c"]],
        [["contact_a", "contact_b"]],
        [["contact_a", "contact_b", "contact_c"]],
    ]


async def test_why_not_is_every_refusal_with_its_reason(door: Door) -> None:
    phone = told("phone", "+4930111111", "asserted")
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted"), phone),
        row("contact_b", 1, told("email", "bob@example.com", "asserted"), phone),
    )
    found = await door.get("/contacts/contact_a/why", other="contact_b")
    assert found["one"] is False
    [refusal] = found["refusals"]
    assert (refusal["code"], refusal["identifier"]) == ("different-emails", "phone:+4930111111")


async def test_a_separation_is_named_where_it_keeps_them_apart(door: Door) -> None:
    await _three_in_a_row(door)
    cut = SeparateRecords(
        space=SPACE,
        command="cmd_cut",
        actor=TEAM,
        at=at(3),
        fact="fact_cut",
        sides=(Side(records=("contact_a",)), Side(records=("contact_b", "contact_c"))),
    )
    await door.take(cut)
    found = await door.get("/contacts/contact_b/why", other="contact_a")
    assert {one["decision_id"] for one in found["refusals"]} == {"fact_cut"}
    preview = await door.preview("merge", link("contact_b", "contact_a", 4))
    assert preview["blocked_by"] == [{"code": "separated", "decision_id": "fact_cut"}]
    assert preview["snapshot"]["contact"] == "contact_a"


async def test_two_that_share_nothing_have_nothing_for_and_nothing_against(door: Door) -> None:
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted")),
        row("contact_b", 1, told("email", "bob@example.com", "asserted")),
    )
    found = await door.get("/contacts/contact_a/why", other="contact_b")
    assert (found["one"], found["path"], found["refusals"]) == (False, [], [])


async def test_a_merge_preview_is_what_the_merge_then_does(door: Door) -> None:
    await door.take(
        row("contact_a", 0, told("email", ADA, "asserted"), fields={"name": "Ada", "company": "X"}),
        verified("contact_b", 1, "u1", fields={"name": "A. Lovelace"}),
        row("contact_c", 2, told("slack", "T1:U1", "proven"), fields={"attr.seats": 3}),
    )
    order = link("contact_a", "contact_b", 3, survivor="contact_a")
    preview = await door.preview("merge", order)
    assert preview["fields"]["name"] == {
        "left": "Ada",
        "right": "A. Lovelace",
        "result": "Ada",
        "why": "stronger-source",
    }
    assert preview["fields"]["company"]["why"] == "only-one"
    assert (preview["blocked_by"], preview["will_also"]) == ([], [])
    before = await _snapshots(door)
    assert preview["snapshot"] not in before
    await door.take(order)
    assert preview["snapshot"] in await _snapshots(door)


async def test_a_preview_names_the_others_that_a_merge_would_bring_along(door: Door) -> None:
    """Two accounts typed one address: each merge of the two makes it link again."""
    address = told("email", ADA, "asserted")
    await door.take(
        verified("contact_a", 0, "u1"),
        verified("contact_b", 1, "u2"),
        row("contact_a", 2, address),
        row("contact_b", 3, address),
        row("contact_c", 4, address),
    )
    before = len(await _snapshots(door))
    order = link("contact_a", "contact_b", 5)
    preview = await door.preview("merge", order)
    await door.take(order)
    assert len(await _snapshots(door)) == before - 1 - len(preview["will_also"])


async def test_an_undo_preview_is_what_the_undo_then_does(door: Door) -> None:
    await _three_in_a_row(door)
    sent = await door.take(row("contact_d", 3, told("email", "d@example.com", "asserted")))
    sent = await door.take(event("contact_d", 4, told("email", ADA)))
    [merged] = all_of(sent, ContactsMerged)
    before = await _snapshots(door)
    order = separate_merge(merged.merge, 5)
    preview = await door.preview("separation", order)
    assert preview["shared"] == [{"identifier": f"email:{ADA}", "owner": "contact_a"}]
    assert await _snapshots(door) == before
    await door.take(order)
    after = await _snapshots(door)
    assert [one["contact"] for one in preview["contacts"]] == ["contact_a", "contact_d"]
    assert all(one in after for one in preview["contacts"])


async def test_what_is_not_there_is_not_found_and_a_wrong_other_is_named(door: Door) -> None:
    await _three_in_a_row(door)
    answer = await door.client.get("/contacts/contact_none/why", params={"space": SPACE})
    assert answer.status_code == 404
    order = separate_merge("merge_none", 5).model_dump(mode="json")
    assert (await door.client.post("/previews/separation", json=order)).status_code == 404
    about = {"space": SPACE, "other": "contact_none"}
    answer = await door.client.get("/contacts/contact_a/why", params=about)
    assert answer.json()["errors"][0]["field"] == "other"


async def test_other_rules_are_tried_on_all_contacts_and_change_none(door: Door) -> None:
    for one in range(3):
        address = told("email", f"p{one}@example.com")
        await door.take(
            event(f"contact_a{one}", one, address), event(f"contact_b{one}", 1, address)
        )
    before = await _snapshots(door)
    wanted = {"agent": "agent_1", "policies": {"typed_email": "suggest"}}
    answer = await door.client.post("/previews/policies", json=wanted)
    found = answer.json()
    assert [found[name] for name in ("contacts_now", "contacts_then", "merges", "splits")] == [
        3,
        6,
        0,
        3,
    ]
    assert found["split_examples"][0] == ["contact_a0", "contact_a0", "contact_b0"]
    assert await _snapshots(door) == before
    wrong = {"agent": "agent_1", "policies": {"typed_email": "never", "colour": 1}}
    refused = await door.client.post("/previews/policies", json=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "/policies/colour")


async def test_a_hold_is_listed_and_released_once(door: Door) -> None:
    sessions = [told("session", f"s{number}") for number in range(25)]
    await door.take(*(event(f"contact_{n:02}", n, one) for n, one in enumerate(sessions)))
    await door.take(event("contact_all", 30, *sessions))
    [held] = (await door.get("/holds"))["data"]
    assert held["reason"] == "many-contacts"
    path = f"/holds/{held['hold']}/release"
    assert (await door.client.post(path)).json()["released"] is True
    assert (await door.client.post(path)).json()["released"] is False
    assert (await door.get("/holds"))["data"] == []
    assert (await door.client.post("/holds/hold_none/release")).status_code == 404


async def _snapshots(door: Door) -> list[dict[str, Any]]:
    async with door.runtime.transaction([SPACE]) as tx:
        rows = await tx.connection.fetch(
            "SELECT snapshot::text AS snapshot FROM merge_resolver.contacts ORDER BY contact"
        )
    return [orjson.loads(one["snapshot"]) for one in rows]
