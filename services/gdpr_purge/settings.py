"""What the environment says to `gdpr_purge`."""

from service_kit.settings import KitSettings


class Settings(KitSettings):
    """Besides the kit's own."""

    gdpr_purge_repeat_seconds: float = 86_400
    """A step without all its receipts is sent again this often."""
    gdpr_purge_look_seconds: float = 1
    time_scale: float = 1
    """Divides every period: 86,400 makes a day a second. Only on demo and test stacks."""

    @property
    def repeat_seconds(self) -> float:
        return self.gdpr_purge_repeat_seconds / self.time_scale
