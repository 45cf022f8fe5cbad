"""How long a write takes until it is read back: API, broker, resolver, broker, read side, answer.

Run against a stack at rest: `kith bench writes`. Its yardstick is a plain read of the same contact
through the same door, taken between the writes, so that the machine's own speed cancels out.
"""

import json
import statistics
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import httpx

WARM_UP_ROUNDS = 10
PERCENTILES = 100


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one kind of call."""

    median: float
    p99: float


def run(env: Mapping[str, str], rounds: int, result: Path) -> dict[str, Timing]:
    """Time ``rounds`` of each kind of call and keep the figures as JSON in ``result``."""
    headers = {"Authorization": f"Bearer {env['KITH_DEMO_API_KEY']}"}
    with httpx.Client(base_url=env["KITH_API_URL"], headers=headers, timeout=10) as api:
        samples = _sample(api, rounds + WARM_UP_ROUNDS)
    timings = {kind: _timing(times[WARM_UP_ROUNDS:]) for kind, times in samples.items()}
    result.write_text(json.dumps({kind: asdict(timing) for kind, timing in timings.items()}))
    return timings


def _sample(api: httpx.Client, rounds: int) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {"read": [], "created": [], "updated": [], "unchanged": []}
    for number in range(rounds):
        row = {"external_id": f"bench-{uuid.uuid4().hex}", "name": "Bench"}
        changed = {**row, "name": f"Bench {number}"}
        created = _timed(samples["created"], partial(api.post, "/v1/contacts", json=row))
        _timed(samples["read"], partial(api.get, f"/v1/contacts/{created.json()['id']}"))
        _timed(samples["updated"], partial(api.post, "/v1/contacts", json=changed))
        _timed(samples["unchanged"], partial(api.post, "/v1/contacts", json=changed))
    return samples


def _timed(times: list[float], call: Callable[[], httpx.Response]) -> httpx.Response:
    started = time.perf_counter()
    answer = call()
    times.append((time.perf_counter() - started) * 1000)
    if answer.status_code not in {httpx.codes.OK, httpx.codes.CREATED}:
        raise RuntimeError(f"{answer.request.method} answered {answer.status_code}")
    return answer


def _timing(times: list[float]) -> Timing:
    return Timing(
        median=round(statistics.median(times), 1),
        p99=round(statistics.quantiles(times, n=PERCENTILES)[-1], 1),
    )
