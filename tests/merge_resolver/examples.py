"""How many examples a property is tried with. KITH_EXAMPLES=5000 is for the night."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("KITH_EXAMPLES", "500"))

searching = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
