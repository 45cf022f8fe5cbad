"""What the API shows, asked as any client would."""

import asyncio

import httpx

from kith.faults.load import Agent


async def until_seen(api: str, agent: Agent, person: str) -> str:
    """Wait until the person has a timeline; the contact's id."""
    headers = {"Authorization": f"Bearer {agent.key}"}
    async with httpx.AsyncClient(base_url=api, headers=headers, timeout=5) as client:
        contact = await _seen(client, person)
        while contact is None:
            await asyncio.sleep(0.1)
            contact = await _seen(client, person)
    return contact


async def _seen(client: httpx.AsyncClient, person: str) -> str | None:
    try:
        answer = await client.get("/v1/contacts", params={"conversation_id": person})
        if answer.status_code != 200 or not answer.json()["data"]:
            return None
        contact = str(answer.json()["data"][0]["id"])
        timeline = await client.get(f"/v1/contacts/{contact}/timeline")
        shown = timeline.status_code == 200 and timeline.json()["data"]
        return contact if shown else None
    except httpx.HTTPError:
        return None
