"""A short set of faults on a whole stack: what `make faults` does, a handful of rounds of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kith.faults.kinds import BY_NAME
from kith.faults.ledger import Ledger
from kith.faults.record import entry_of
from kith.faults.report import troubles
from kith.faults.rounds import Run
from kith.faults.stage import Stage, open_stage

ROUNDS = (
    "kill -9 of merge_resolver",
    "kill -9 of PostgreSQL",
    "every event sent twice",
    "kill -9 of the broker",
    "contacts_api frozen past its session",
)
pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("faults"), spaces=4) as opened:
        yield opened


def test_nothing_is_lost_or_doubled_whatever_breaks(stage: Stage, tmp_path: Path) -> None:
    """Among these rounds are the one that needs recovery of each server, and a zombie."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    run = Run(stage, ledger, seed=7, rate=30)
    outcomes = asyncio.run(run.play([BY_NAME[name] for name in ROUNDS]))
    ledger.close()
    assert troubles([entry_of(7, outcome) for outcome in outcomes]) == []
    assert len(outcomes) == len(ROUNDS)
    assert all(outcome.events for outcome in outcomes)
