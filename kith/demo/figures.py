"""What the running system says became of the day."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from merge_resolver.domain import Rules, resolve
from merge_resolver.domain.bodies import any_fact_of
from service_kit.sql import load_queries

# Rank of the evidence, in words.
REASONS = {
    0: "an operator said so",
    1: "same user id, signed or from the shop's own server",
    2: "same e-mail, proven",
    3: "same phone or channel address, proven by the channel",
    4: "same record in a connected system",
    5: "same e-mail, from the shop's own data",
    6: "same phone, from the shop's own data",
    7: "same e-mail, typed",
    8: "same phone, typed",
    9: "one visit, before and after signing in",
    10: "same browser",
}


# Why the resolver left two known people apart, in words.
REFUSALS = {
    "bad-signature": "claimed to be a customer with a forged signature: stayed anonymous",
    "both-known": "two known people at one browser",
    "different-accounts": "two accounts with one address or phone",
    "different-emails": "one phone, typed, but different e-mails",
    "contested": "several accounts claim one address at the same time",
    "separated": "an operator said they are two people",
    "generic": "an address that too many share",
}


@dataclass(frozen=True)
class Figures:
    """`merges` and `apart` as (reason in words, how often)."""

    accepted: int
    merges: list[tuple[str, int]]
    apart: list[tuple[str, int]]


def read(env: Mapping[str, str], since: datetime) -> Figures:
    """Figures of the demo agent since a time."""
    return asyncio.run(_read(env, since))


async def _read(env: Mapping[str, str], since: datetime) -> Figures:
    queries = load_queries(Path(__file__).with_name("figures.sql"))
    agent = env["KITH_DEMO_AGENT_ID"]
    connection = await asyncpg.connect(env["KITH_POSTGRES_DSN"])
    try:
        space = await connection.fetchval(queries.get_space.text, agent)
        accepted = await connection.fetchval(queries.count_accepted_events.text, agent, since)
        merges = await connection.fetch(queries.count_merges.text, space, since)
        refused = await connection.fetch(queries.count_refused_claims.text, space, since)
        facts = await connection.fetch(queries.list_facts.text, space)
    finally:
        await connection.close()
    apart = [(REFUSALS.get(row["outcome"], row["outcome"]), row["claims"]) for row in refused]
    apart += [(REFUSALS.get(code, code), pairs) for code, pairs in sorted(_apart(facts).items())]
    return Figures(accepted, [(_reason(row), row["merges"]) for row in merges], apart)


def _apart(rows: list[asyncpg.Record]) -> Counter[str]:
    """Pairs of known contacts that something would join, by why it does not.

    The resolver's own function on the resolver's own facts: it keeps what it decided, not what it
    refused.
    """
    facts = [
        any_fact_of(row["fact"], row["kind"], row["record"], row["t"], json.loads(row["body"]))
        for row in rows
    ]
    pairs = {
        (suggestion.code, *sorted((contact.id, suggestion.other)))
        for contact in resolve(facts, Rules())
        for suggestion in contact.suggestions
    }
    return Counter(code for code, *_ in pairs)


def _reason(row: asyncpg.Record) -> str:
    if row["cause"] == "evidence":
        return REASONS.get(row["rank"], "evidence")
    return REASONS[0] if row["cause"] == "operator" else str(row["cause"])


def kinds(contacts: list[dict[str, Any]]) -> Counter[str]:
    return Counter(contact["kind"] for contact in contacts)


def on_several_channels(contacts: list[dict[str, Any]]) -> int:
    return sum(len(contact["channels"]) > 1 for contact in contacts)


def crm_states(contacts: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How many contacts are in each state of the CRM, with its reason."""
    return Counter(
        (crm["state"], crm.get("reason") or "") for contact in contacts for crm in contact["crm"]
    )
