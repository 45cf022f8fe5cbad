"""Settings of every service, from the environment only. A service subclasses `KitSettings` once."""

import importlib.util
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class KitSettings(BaseSettings):
    """What moves messages needs to know. Each name is `KITH_…` in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="KITH_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    kafka_bootstrap: str
    """host:port, comma-separated for several brokers."""
    service_postgres_dsn: SecretStr
    """Address of this service's own role; may go through a pooler in transaction mode."""
    direct_postgres_dsn: SecretStr | None = None
    """The same role without a pooler, for the relay's session lock; the other one if absent."""
    secret: SecretStr
    """The deployment's secret: other keys derive from it."""
    service_token: SecretStr
    """Opens internal doors, and metrics from elsewhere than loopback."""

    http_host: str = "127.0.0.1"
    http_port: int = 0
    topics_file: Path = Path("deploy/topics.yaml")
    log_level: str = "INFO"
    pool_min_size: int = 2
    pool_max_size: int = 10
    statement_cache_size: int = 100
    """Prepared statements kept for each connection; 0 behind a pooler that mixes up sessions."""
    batch_max_records: int = 500
    session_timeout_ms: int = 45_000
    """How long the broker keeps the partitions of a process that was killed for it."""
    limits_multiplier: float = 1
    """Factor on every rate limit; a demo stack raises it."""

    watch_seconds: float = 5.0
    """How often lag and depths are looked at; the words of the operations page count such looks."""

    @property
    def relay_dsn(self) -> str:
        """The address the relay holds its lock on."""
        return (self.direct_postgres_dsn or self.service_postgres_dsn).get_secret_value()


def package_folder(service: str) -> Path | None:
    """Folder of the service's package; None where there is none (a service made of tests only)."""
    spec = importlib.util.find_spec(service)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
