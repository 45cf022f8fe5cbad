"""Requests share transactions, and neither copies of the service nor neighbours can hurt one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from contact_schema.erasure import FenceRecords
from contact_schema.records import Unit, record_id, space_key
from ingest.accepting import Acceptor
from ingest.handlers import Accepted, on_erasure
from service_kit.testing import received
from tests.ingest.arrivals import AGENT, NOW, SECRET, SPACE, arrival, event, identify, message
from tests.ingest.conftest import Asked


@pytest.fixture
async def copies(doors: Asked) -> AsyncIterator[tuple[Acceptor, Acceptor]]:
    """Two copies of the service on one database."""
    acceptors = Acceptor(), Acceptor()
    running = [asyncio.create_task(acceptor.run(doors.runtime)) for acceptor in acceptors]
    yield acceptors
    for task in running:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_of_two_copies_that_get_the_same_events_one_accepts_each(
    doors: Asked, copies: tuple[Acceptor, Acceptor]
) -> None:
    arrivals = [arrival(message(conversation_id=f"c{number}")) for number in range(30)]
    outcomes = await asyncio.gather(
        *(copies[0].accept([one]) for one in arrivals),
        *(copies[1].accept([one]) for one in reversed(arrivals)),
    )
    assert sum(sum(outcome.duplicates) for outcome in outcomes) == 30
    assert len(await doors.told()) == 30


async def test_a_request_that_fails_fails_alone(
    doors: Asked, copies: tuple[Acceptor, Acceptor]
) -> None:
    """No door lets such a user id in; should one ever, its neighbours must not be lost with it."""
    poison = arrival(identify("u1"))
    unkeepable = poison.event.model_copy(update={"user_id": "nul \0"})
    broken = type(poison)(poison.agent, poison.space_key, poison.rights, unkeepable)
    first, failed, last = await asyncio.gather(
        copies[0].accept([arrival(message("before"))]),
        copies[0].accept([broken]),
        copies[0].accept([arrival(message("after"))]),
        return_exceptions=True,
    )
    assert isinstance(failed, Exception)
    assert first == last == Accepted((False,), (False,), (False,))
    assert [told["detail"]["text"] for told in await doors.told()] == ["before", "after"]


async def test_no_event_passes_a_fence_that_is_being_put_up(
    doors: Asked, copies: tuple[Acceptor, Acceptor]
) -> None:
    record = record_id(space_key(SECRET, SPACE), Unit("session", AGENT, "s1"), None)
    order = FenceRecords(
        space=SPACE,
        erasure="erasure_1",
        records=(record,),
        mode="erase",
        fenced_at=NOW,
        ledger_no=1,
    )
    async with doors.runtime.transaction([SPACE]) as tx:
        await on_erasure([received(order)], tx)
        accepting = asyncio.create_task(copies[0].accept([arrival(event("logged_out"))]))
        await asyncio.wait([accepting], timeout=0.2)
        assert not accepting.done()
    assert (await accepting).suppressed == (True,)
