"""HubSpot's calls. Every one gives an Answer; a call that fails on the way has no status."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import httpx
from aiolimiter import AsyncLimiter

from crm_sync.domain.answers import Answer, Item
from crm_sync.domain.profile import KEY_PROPERTY, OWN_PROPERTIES

DEFAULT_BASE_URL = "https://api.hubapi.com"
WINDOW_SECONDS = 10
LARGEST_ANSWER = 16 * 1024 * 1024
GROUP = "contactinformation"


class HubSpot:
    """The calls of one connection, paced below HubSpot's limit. Close it when done."""

    def __init__(
        self, base_url: str, token: str, version: str, timeout: float, calls_per_window: int
    ) -> None:
        self._objects = f"/crm/objects/{version}/contacts"
        self._properties = f"/crm/properties/{version}/contacts"
        self._account = "/account-info/v3/details"
        self._pace = AsyncLimiter(calls_per_window, WINDOW_SECONDS)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def account(self) -> Answer:
        return await self._call("GET", self._account)

    async def ensure_properties(self) -> Answer:
        """Make the properties that are Kith's own, the key one unique. The last answer, or the
        first bad one.
        """
        answer = Answer(200)
        for name, label in OWN_PROPERTIES.items():
            answer = await self._call("GET", f"{self._properties}/{name}")
            if answer.status == 404:
                answer = await self._call("POST", self._properties, _definition(name, label))
            # Made by another process in the meantime: as good
            if answer.status is None or (answer.status >= 300 and answer.status != 409):
                return answer
        return Answer(200)

    async def write(self, action: Literal["upsert", "update"], items: Sequence[Item]) -> Answer:
        inputs = [
            {
                "id": item.id,
                "objectWriteTraceId": item.trace,
                "properties": dict(item.properties),
                **({"idProperty": KEY_PROPERTY} if action == "upsert" else {}),
            }
            for item in items
        ]
        return await self._call("POST", f"{self._objects}/batch/{action}", {"inputs": inputs})

    async def read(
        self, ids: Iterable[str], properties: Iterable[str], by: str | None = None
    ) -> Answer:
        body: dict[str, Any] = {
            "inputs": [{"id": one} for one in ids],
            "properties": sorted({*properties, KEY_PROPERTY}),
            "propertiesWithHistory": [],
        }
        if by is not None:
            body["idProperty"] = by
        return await self._call("POST", f"{self._objects}/batch/read", body)

    async def get(self, remote_id: str) -> Answer:
        return await self._call("GET", f"{self._objects}/{remote_id}")

    async def gdpr_delete(self, remote_id: str) -> Answer:
        """By record id only: an unknown e-mail would land on HubSpot's blocklist."""
        return await self._call("POST", f"{self._objects}/gdpr-delete", {"objectId": remote_id})

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        async with self._pace:
            try:
                request = self._http.build_request(method, path, json=body)
                response = await self._http.send(request, stream=True)
                try:
                    raw = await _limited(response)
                finally:
                    await response.aclose()
            except httpx.HTTPError:
                return Answer(None)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, _decoded(raw), headers)


async def _limited(response: httpx.Response) -> bytes:
    parts = bytearray()
    async for part in response.aiter_bytes():
        parts += part
        if len(parts) > LARGEST_ANSWER:
            raise httpx.DecodingError("the answer is too long")
    return bytes(parts)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return None


def _definition(name: str, label: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "string",
        "fieldType": "text",
        "groupName": GROUP,
        "description": "Written by Kith.",
        "hasUniqueValue": name == KEY_PROPERTY,
    }
