"""The HTTP doors: adapters and back ends, and browsers."""

from ingest.routes.adapters import router as adapters
from ingest.routes.browsers import router as browsers

__all__ = ["adapters", "browsers"]
