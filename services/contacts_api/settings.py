"""What this service reads from its environment."""

from service_kit.settings import KitSettings


class ContactsApiSettings(KitSettings):
    """Beside the kit's: the doors of its neighbours, and its own public address."""

    ingest_url: str = ""
    """Base URL of the events' door, where the probe sends to."""
    merge_resolver_url: str = ""
    gdpr_purge_url: str = ""
    identity_verify_url: str = ""
    """Base URL of identity_verify's internal door; empty: its routes answer 503."""
    crm_sync_url: str = ""
    """Base URL of crm_sync's internal door."""
    dashboard_url: str = ""
    """Public base URL; with https its cookies are Secure."""
    settle_seconds: float = 3.0
    """How long a write waits until it can be read back."""
    probe_seconds: float = 60.0
    """Every so often one synthetic contact goes from ingest to here; 0: none does."""
    settle_batch_seconds: float = 10.0
    """The same for a batch of up to 1,000."""

    @property
    def doors(self) -> dict[str, str]:
        """Base URLs of the other services, for the operations page; an empty one is not set."""
        return {
            "ingest": self.ingest_url,
            "identity_verify": self.identity_verify_url,
            "merge_resolver": self.merge_resolver_url,
            "crm_sync": self.crm_sync_url,
            "gdpr_purge": self.gdpr_purge_url,
        }
