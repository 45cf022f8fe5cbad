"""Where a connection may point: never inside our own network, unless a test stack says so."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit


class ForbiddenTargetError(Exception):
    """The address leads to a private, loopback, link-local or otherwise inner place."""


async def check_target(base_url: str, allow_loopback: bool) -> None:
    """Raises ForbiddenTargetError unless every address of the host is a public one.

    A name that does not resolve is no offence: the next call tells.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ForbiddenTargetError("not an http address")
    if parts.scheme == "http" and not allow_loopback:
        raise ForbiddenTargetError("https only")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for entry in found:
        address = ipaddress.ip_address(str(entry[4][0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not mapped.is_global and not (allow_loopback and mapped.is_loopback):
            raise ForbiddenTargetError("not a public address")
