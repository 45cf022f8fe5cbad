"""The service under whatever a log may do: any order of sending, any batches, repeats, crashes
before a commit, the whole topic once more; orders and an erasure among it.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from contact_schema.commands import BlockIdentifier, LinkRecords
from contact_schema.envelope import Message
from contact_schema.erasure import EraseRecords, ErasureRequested, FenceRecords
from kith.stack import kafka
from tests.merge_resolver.engine import Engine, at
from tests.merge_resolver.examples import EXAMPLES
from tests.merge_resolver.hosts import Handlers, Host, Waiting
from tests.merge_resolver.orders import Talk
from tests.merge_resolver.process import Process
from tests.merge_resolver.standing import Reader, check

seeds = st.integers(0, 1 << 32)


class Deliveries(RuleBasedStateMachine):
    """One space of its own in each example."""

    open: Callable[[int], Host]
    numbers = itertools.repeat(1)

    @initialize(most=st.sampled_from((1, 3, 500)), seed=seeds)
    def begin(self, most: int, seed: int) -> None:
        self.host = type(self).open(most)
        self.space = f"space_{next(self.numbers)}"
        self.sent: list[Message] = []
        self.facts: list[str] = []
        self.reader = Reader()
        self._send(*Talk(seed).told(10))
        self.has_erased = False

    def _send(self, *messages: Message) -> None:
        moved = [one.model_copy(update={"space": self.space}) for one in messages]
        self.sent += moved
        self.facts += [one.fact for one in moved if isinstance(one, LinkRecords | BlockIdentifier)]
        self.host.send(moved)

    @rule(seed=seeds)
    def tell(self, seed: int) -> None:
        self._send(*Talk(seed).told(10))

    @rule(seed=seeds)
    def order(self, seed: int) -> None:
        self._send(*Talk(seed).ordered(3, self.facts, self.reader.merges))

    @rule(seed=seeds)
    def repeat(self, seed: int) -> None:
        self.host.send(Talk(seed).some(self.sent))

    @rule()
    def crash(self) -> None:
        self.host.crash()

    @rule(unmarked=st.booleans())
    def start_over(self, unmarked: bool) -> None:
        self.host.start_over(unmarked=unmarked)

    @rule(seed=seeds)
    def erase(self, seed: int) -> None:
        """Once, when there is somebody to spare."""
        self.rest()
        living = sorted(set(self.reader.contact_of.values()))
        if self.has_erased or len(living) < 3:
            return
        self.has_erased = True
        contact, erasure = living[seed % len(living)], f"erasure_{self.space}"
        version = self.reader.versions[contact]
        held = tuple(sorted(r for r, c in self.reader.contact_of.items() if c == contact))
        fixed = {"space": self.space, "erasure": erasure, "records": held, "ledger_no": 1}
        self._send(
            ErasureRequested(
                space=self.space,
                erasure=erasure,
                contact=contact,
                version=version,
                mode="erase",
                grace_days=0,
                requested_by="user_ops",
                requested_at=at(0),
            ),
            FenceRecords(**fixed, mode="erase", fenced_at=at(0)),
            EraseRecords(**fixed, ids=held),
        )

    @rule()
    def rest(self) -> None:
        self.host.rest(self.space)
        self.reader = check(self.host, self.space, self.sent)

    def teardown(self) -> None:
        try:
            self.rest()
        finally:
            self.host.close()


def machine(open_host: Callable[[int], Host]) -> type[Deliveries]:
    return type("Deliveries", (Deliveries,), {"open": staticmethod(open_host)})


@pytest.mark.timeout(900)
async def test_whatever_the_log_does_the_handlers_keep_what_the_definition_says(
    engine: Engine,
) -> None:
    run = Waiting()
    await asyncio.to_thread(
        run_state_machine_as_test,
        machine(lambda most: Handlers(engine, run, most)),
        settings=settings(
            max_examples=max(20, EXAMPLES // 10),
            stateful_step_count=12,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
        ),
    )


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[str]:
    """Its topics have two partitions, and its groups are the service's own."""
    broker = kafka.start(tmp_path / "broker")
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


@pytest.mark.timeout(900)
async def test_whatever_happens_to_the_process_it_keeps_what_the_definition_says(
    own_broker: str, database: str, tmp_path: Path
) -> None:
    process = Process(own_broker, database, tmp_path)
    await process.open()
    try:
        await asyncio.to_thread(
            run_state_machine_as_test,
            machine(process.at),
            settings=settings(
                max_examples=max(4, EXAMPLES // 125),
                stateful_step_count=10,
                deadline=None,
                phases=(Phase.explicit, Phase.generate),
            ),
        )
    finally:
        await process.aclose()
