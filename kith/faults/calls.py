"""Calls to the stack's doors: plain HTTP on loopback."""

import ssl

import httpx

# Each client would load all certificates of the machine anew: 40 % of a run's processor time.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client(url: str = "", key: str = "", timeout: float = 5.0) -> httpx.AsyncClient:
    """Of one agent, if a key is given; `timeout` in seconds."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, verify=PLAIN)
