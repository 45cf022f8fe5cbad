"""The service's handlers under whatever a log may do: any order of sending, any batches, replays,
crashes before the commit, processes that forget.
"""

import random
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contact_schema.envelope import Message
from tests.merge_resolver.engine import Engine
from tests.merge_resolver.test_incremental import Traffic, defined_in, kept_in

MESSAGES = 24
few = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def sent(seed: int, space: str) -> list[Message]:
    """What visitors say and who proves to be who: no orders, which depend on what stands."""
    traffic = Traffic(seed)
    kinds = (traffic._event, traffic._event, traffic._verified)
    told = [kinds[number % 3]() for number in range(MESSAGES)]
    return [one.model_copy(update={"space": space}) for one in told]


async def crash(engine: Engine, batch: Sequence[Message]) -> None:
    """All is done but the commit; what the process remembers is as it was."""
    before = len(engine.tx.emitted)
    transaction = engine.tx.connection.transaction()
    await transaction.start()
    await engine.handle(batch)
    await transaction.rollback()
    del engine.tx.emitted[before:]
    for waiting in (engine.tx._outgoing, engine.tx._sequencing, engine.tx._committed):
        waiting.clear()


class Log:
    """Messages in the order in which they are sent, delivered in runs of one stream."""

    def __init__(self, messages: list[Message]) -> None:
        self.waiting = messages
        self.delivered: list[list[Message]] = []

    def next(self, most: int) -> list[Message]:
        kind = type(self.waiting[0])
        size = 0
        while size < min(most, len(self.waiting)) and type(self.waiting[size]) is kind:
            size += 1
        batch, self.waiting = self.waiting[:size], self.waiting[size:]
        return batch


@few
@given(data=st.data(), seed=st.integers(0, 10_000))
async def test_whatever_the_log_does_the_contacts_are_the_same(
    engine: Engine, data: st.DataObject, seed: int
) -> None:
    spaces = [f"space_{seed}_{data.draw(st.integers(0, 1 << 60))}_{one}" for one in "ab"]
    for message in sent(seed, spaces[0]):
        await engine.take(message)
    shuffled = sent(seed, spaces[1])
    random.Random(data.draw(st.integers(0, 99))).shuffle(shuffled)
    log = Log(shuffled)
    while log.waiting:
        match data.draw(st.sampled_from(("deliver", "deliver", "replay", "crash", "forget"))):
            case "deliver":
                batch = log.next(data.draw(st.integers(1, 8)))
                await engine.take(*batch)
                log.delivered.append(batch)
            case "replay" if log.delivered:
                await engine.take(*data.draw(st.sampled_from(log.delivered)))
            case "crash":
                batch = log.next(8)
                await crash(engine, batch)
                log.waiting = batch + log.waiting
            case _:
                engine.streams.known.forget()
    in_order, stored = await kept_in(engine, spaces[0]), await kept_in(engine, spaces[1])
    assert stored == {
        contact: records for contact, (records, _) in (await defined_in(engine, spaces[1])).items()
    }
    assert stored == in_order
