"""What the environment says to `crm_sync`."""

from service_kit.settings import KitSettings


class Settings(KitSettings):
    """Besides the kit's own."""

    http_port: int = 8082
    crm_sync_settling_seconds: float = 2
    """How long a contact is left alone after its last change before it is sent."""
    crm_sync_batch: int = 100
    """Inputs of one call; HubSpot takes at most 100."""
    crm_sync_calls: int = 80
    """Calls in ten seconds: 80 % of what HubSpot grants its smallest accounts."""
    crm_sync_timeout_seconds: float = 10
    crm_sync_poll_seconds: float = 0.5
    crm_sync_overdue_seconds: float = 600
    """A contact that fails for longer is in error, not pending."""
    crm_sync_hubspot_version: str = "2026-03"
    allow_loopback_targets: bool = False
    """Only on demo and test stacks: connections may point at this machine."""
