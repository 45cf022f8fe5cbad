"""What the API shows, asked as any client would."""

import asyncio

import httpx

from kith.faults.calls import client
from kith.faults.load import Agent


async def until_seen(api: str, agent: Agent, person: str) -> str:
    """Wait until the person has a timeline; the contact's id."""
    async with client(api, agent.key) as caller:
        contact = await _seen(caller, person)
        while contact is None:
            await asyncio.sleep(0.1)
            contact = await _seen(caller, person)
    return contact


async def _seen(caller: httpx.AsyncClient, person: str) -> str | None:
    try:
        answer = await caller.get("/v1/contacts", params={"conversation_id": person})
        if answer.status_code != 200 or not answer.json()["data"]:
            return None
        contact = str(answer.json()["data"][0]["id"])
        timeline = await caller.get(f"/v1/contacts/{contact}/timeline")
        shown = timeline.status_code == 200 and timeline.json()["data"]
        return contact if shown else None
    except httpx.HTTPError:
        return None
