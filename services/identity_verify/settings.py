"""Settings of the verifier, from the environment."""

from service_kit.settings import KitSettings


class Settings(KitSettings):
    http_port: int = 8083
