"""E-mail addresses: one mailbox, one key."""

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from contact_schema.values.blocked import is_blocked, without_margin

_MAX_CHARACTERS: Final = 1024
"""Room for a display name around an address of at most 254."""

_ONE_PROVIDER: Final = {
    "googlemail.com": "gmail.com",
    "ya.ru": "yandex.ru",
    "yandex.by": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.kz": "yandex.ru",
    "yandex.ua": "yandex.ru",
}
"""Domains under which the provider itself delivers every mailbox of the other."""

_DOTS_DO_NOT_COUNT: Final = frozenset({"gmail.com"})

_SLOPPY_HEADER: Final = re.compile(r"[^<>\"\\;:@]*<([^<>\s]+)>")
"""A display name as people and programs write it: with commas or signs that no header has."""

_ROLE_NAMES: Final = """
abuse accounting accounts admin administrator billing bookings buchhaltung careers contact contacto
contato customerservice datenschutz enquiries facturacion finance hello help helpdesk hi hostmaster
hr info information inquiries invoices jobs kontakt legal mail mailer-daemon marketing media news
newsletter no-reply no_reply noc noreply office orders post postmaster press privacy purchasing
reception root sales security service shop spam support team ventas verkauf vertrieb webmaster
welcome
"""
_ROLES: Final = frozenset(_ROLE_NAMES.split())


def email_key(text: str) -> str | None:
    """The key of an address, also of ``Name <address>`` and ``mailto:address``, or ``None``.

    Lower-case local part in NFC without ``+tag``, domain in ASCII; dots and second domains are
    unified only where the provider does so itself. No look-up on the network.
    """
    if len(text) > _MAX_CHARACTERS or "@" not in text:
        return None
    return parsed_key(without_margin(text))


def is_role_mailbox(key: str) -> bool:
    """Whether this key is a mailbox of a function (``info@``, ``sales@``), not of a person."""
    return key.partition("@")[0] in _ROLES


@lru_cache(maxsize=16_384)
def parsed_key(text: str) -> str | None:
    address = _parse(_without_scheme(text)) or _parse_sloppy(text)
    if address is None or address.ascii_domain is None:
        return None
    key = _key(address.local_part, address.ascii_domain.lower())
    if key is None or is_blocked("email", key):
        return None
    # Lower case can make a non-ASCII local part longer than an address may be.
    return key if key.isascii() or _parse(key) is not None else None


def _without_scheme(text: str) -> str:
    if text[:7].lower() != "mailto:":
        return text
    return unquote(text[7:].partition("?")[0]).strip()


def _parse(text: str) -> ValidatedEmail | None:
    try:
        # Strict: nobody has more than 64 characters before the @.
        return validate_email(
            text, check_deliverability=False, allow_display_name=True, strict=True
        )
    except (EmailNotValidError, UnicodeError):
        return None


def _parse_sloppy(text: str) -> ValidatedEmail | None:
    found = _SLOPPY_HEADER.fullmatch(text)
    return _parse(_without_scheme(found[1])) if found else None


def _key(local_part: str, domain: str) -> str | None:
    domain = _ONE_PROVIDER.get(domain, domain)
    local = local_part.lower().partition("+")[0]
    if domain in _DOTS_DO_NOT_COUNT:
        local = local.replace(".", "")
    # Only now: without its dot a letter and the accent behind it are one.
    local = unicodedata.normalize("NFC", local)
    # Without its tag nothing may be left, or a dot at the end: no provider has such a mailbox.
    # No top-level domain has a single letter.
    if not local or local.endswith(".") or domain[-2] == ".":
        return None
    return f"{local}@{domain}"
