"""The kit's own statements."""

from pathlib import Path

from service_kit.sql import load_queries

QUERIES = load_queries(Path(__file__).with_name("messaging.sql"))
