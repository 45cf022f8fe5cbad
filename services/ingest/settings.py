"""Settings of the doors, from the environment."""

from service_kit.settings import KitSettings


class Settings(KitSettings):
    http_port: int = 8081
