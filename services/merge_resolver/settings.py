"""Settings of the resolver, from the environment."""

from service_kit.settings import KitSettings


class Settings(KitSettings):
    http_port: int = 8084
    known_records: int = 40_000
    """Records remembered, so that their plain messages cost no work: about 2 kB each."""
