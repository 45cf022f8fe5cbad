"""Phone numbers: any spelling, one E.164 key. WhatsApp ids give the key of their number."""

import re
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

_MAX_CHARACTERS: Final = 128

_NOBODYS: Final = frozenset(
    {PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}
)
"""Numbers of a service, which many people give and nobody owns."""

_OLD_FORMS: Final = (
    # Mexico dialled mobiles with 1 (from abroad), 01, 044 and 045 until 2019.
    (52, re.compile(r"(?:1|01|044|045)(\d{10})"), r"\1"),
    # Brazil put a 9 in front of all mobile numbers by 2016; land lines begin with 2 to 5.
    (55, re.compile(r"([1-9]{2})([6-9]\d{7})"), r"\g<1>9\2"),
)
"""Spellings of before a renumbering, which WhatsApp and old address books still hold."""

_WHATSAPP_ID: Final = re.compile(
    r"(?:whatsapp:)?\+?(\d{7,15})(?::\d+)?(?:@(?:s\.whatsapp\.net|c\.us))?",
    re.ASCII | re.IGNORECASE,
)

_WRITTEN: Final = re.compile(r"\+[\d ()./-]+", re.ASCII)


def phone_key(text: str, region: str | None = None) -> str | None:
    """The E.164 key (``+…``, with ``;ext=…`` for an extension), or ``None``: no valid number, or
    toll-free, premium or shared-cost. ``region`` is ISO 3166 alpha-2, for numbers without ``+``.
    """
    if len(text) > _MAX_CHARACTERS or not any(map(str.isdigit, text)):
        return None
    known = region.upper() if region else None
    return parsed_key(text.strip(), known if known in phonenumbers.SUPPORTED_REGIONS else None)


def whatsapp_key(text: str) -> str | None:
    """The phone key of a WhatsApp id (digits, ``whatsapp:+…``, ``…@s.whatsapp.net``) or of a number
    as it is written, with ``+``; else ``None``.

    Today's form of the number, whichever the sender's account was opened with.
    """
    found = _WHATSAPP_ID.fullmatch(text.strip())
    if found:
        return phone_key(f"+{found[1]}")
    return phone_key(text) if _WRITTEN.fullmatch(text.strip()) else None


@lru_cache(maxsize=16_384)
def parsed_key(text: str, region: str | None) -> str | None:
    try:
        given = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    number = _in_todays_form(given)
    if number is None or phonenumbers.number_type(number) in _NOBODYS:
        return None
    key = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{key};ext={number.extension}" if number.extension else key


def _in_todays_form(number: PhoneNumber) -> PhoneNumber | None:
    if phonenumbers.is_valid_number(number):
        return number
    national = phonenumbers.national_significant_number(number)
    for country, old, new in _OLD_FORMS:
        if number.country_code == country and old.fullmatch(national):
            today = PhoneNumber(
                country_code=country,
                national_number=int(old.sub(new, national)),
                extension=number.extension,
            )
            return today if phonenumbers.is_valid_number(today) else None
    return None
