"""The statements of queries.sql, loaded once."""

from pathlib import Path
from typing import Final

from service_kit.sql import load_queries

queries: Final = load_queries(Path(__file__).with_name("queries.sql"))
