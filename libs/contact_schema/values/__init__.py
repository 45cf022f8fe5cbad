"""Values normalised one way, everywhere: two spellings of one address must give one key.

A key is a string by which values are compared, or ``None`` where a value must not link anything:
invalid, blocked, or not one person's. What was given is kept and shown all the same.
"""

from contact_schema.values import email, phone
from contact_schema.values.blocked import is_blocked, may_identify
from contact_schema.values.channels import channel_key, channel_type
from contact_schema.values.email import email_key, is_role_mailbox
from contact_schema.values.external import EXTERNAL_ID_CHARACTERS, external_id
from contact_schema.values.phone import phone_key, whatsapp_key

__all__ = [
    "EXTERNAL_ID_CHARACTERS",
    "channel_key",
    "channel_type",
    "email_key",
    "external_id",
    "forget_parsed",
    "is_blocked",
    "is_role_mailbox",
    "may_identify",
    "phone_key",
    "whatsapp_key",
]


def forget_parsed() -> None:
    """Empty the memory of parsed addresses and numbers of this process, as after an erasure."""
    email.parsed_key.cache_clear()
    phone.parsed_key.cache_clear()
