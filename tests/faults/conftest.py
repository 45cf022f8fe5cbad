"""Fixtures of the kit's tests, and the mistake that this run is to make, if any."""

import os

from tests.faults import mistakes
from tests.service_kit.conftest import empty_database, line, start

__all__ = ["empty_database", "line", "start"]

mistakes.make(os.environ.get(mistakes.VARIABLE, ""))
