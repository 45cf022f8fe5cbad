"""Addresses on channels: what a channel calls a person there."""

import re
from typing import Final

from contact_schema.observations import IdentifierType
from contact_schema.values.blocked import MAX_CHARACTERS, is_blocked
from contact_schema.values.email import email_key
from contact_schema.values.external import is_storable
from contact_schema.values.phone import phone_key, whatsapp_key

_TYPES: Final[dict[str, IdentifierType]] = {
    "email": "email",
    "phone": "phone",
    "whatsapp": "whatsapp",
    "sms": "sms",
    "slack": "slack",
    "messenger": "messenger",
}

_WHATSAPP_WITHOUT_NUMBER: Final = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
"""The id that WhatsApp gives for a person who shows a user name instead of the number."""


def channel_type(channel: str) -> IdentifierType:
    """The identifier type of an address on this channel; ``channel`` for one without its own."""
    return _TYPES.get(channel, "channel")


def channel_key(channel: str, address: str, region: str | None = None) -> str | None:
    """The key of an address on a channel, or ``None`` where it must not link.

    WhatsApp and SMS: the phone key; e-mail: the e-mail key; any other channel: the address without
    blanks around it, else byte for byte, and under type ``channel`` with ``<channel>:`` before it.
    """
    match channel_type(channel):
        case "email":
            return email_key(address)
        case "phone" | "sms":
            return phone_key(address, region)
        case "whatsapp":
            return whatsapp_key(address) or _whatsapp_without_number(address)
        case "channel":
            plain = _plain(channel, address)
            return None if plain is None else f"{channel}:{plain}"
        case _:
            return _plain(channel, address)


def _whatsapp_without_number(address: str) -> str | None:
    plain = address.strip()
    return plain if _WHATSAPP_WITHOUT_NUMBER.fullmatch(plain) else None


def _plain(channel: str, address: str) -> str | None:
    plain = address.strip()
    if len(plain) > MAX_CHARACTERS or is_blocked(channel, plain) or not is_storable(plain):
        return None
    return plain
