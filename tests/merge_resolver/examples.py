"""How many examples a property is tried with. KITH_EXAMPLES=5000 is for the night."""

import os

from hypothesis import HealthCheck, Phase, settings

EXAMPLES = int(os.environ.get("KITH_EXAMPLES", "500"))

searching = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # To explain a failure takes minutes; the smallest example says enough.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
trying = settings(searching, max_examples=EXAMPLES * 2 // 5)
"""Where two ways to one answer are compared, over larger examples."""
