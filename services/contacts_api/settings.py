"""What this service reads from its environment."""

from service_kit.settings import KitSettings


class ContactsApiSettings(KitSettings):
    """Beside the kit's: the internal doors of two neighbours, and its own public address."""

    identity_verify_url: str = ""
    """Base URL of identity_verify's internal door; empty: its routes answer 503."""
    crm_sync_url: str = ""
    """Base URL of crm_sync's internal door."""
    dashboard_url: str = ""
    """Public base URL; with https its cookies are Secure."""
    settle_seconds: float = 3.0
    """How long a write waits until it can be read back."""
    settle_batch_seconds: float = 10.0
    """The same for a batch of up to 1,000."""
