"""Records that no reader can accept, among good ones: each a dead letter, nobody stands still."""

import asyncio
import time
from functools import partial

import asyncpg
from aiokafka import AIOKafkaProducer

from kith.faults import oracle
from kith.faults.scene import READERS, Scene

_PATIENCE_SECONDS = 60.0
_TOPIC = "contacts.interactions.v1"
_HEADERS = {
    "message-id": b"0190a6b0-0000-7000-8000-000000000000",
    "type": b"InteractionAccepted",
    "version": b"1",
    "producer": b"a stranger",
    "sequence": b"1",
    "previous": b"0",
    "space": b"s",
    "correlation-id": b"c",
    "causation-id": b"",
}
_BAD: tuple[tuple[bytes | None, dict[str, bytes]], ...] = (
    (None, {}),
    (b"\xff\xfe", {}),
    (b'{"space": ', {}),
    (b"[" * 10_000, {}),
    (b'{"space": "s", "text": "\\u0000"}', {}),
    (b'{"space": "s", "text": "\\ud800"}', {}),
    (b"{}", {"sequence": b"\xff\xfe"}),
)
"""Value, and what is changed in the headers."""


async def publish(scene: Scene) -> None:
    """A few of them, past every outbox, while the stream goes on."""
    stage, dice = scene.stage, scene.dice
    before = await _letters(stage.servers.direct_dsn)
    bad = dice.sample(_BAD, 5)
    producer = AIOKafkaProducer(bootstrap_servers=stage.servers.bootstrap, acks="all")
    await producer.start()
    try:
        for value, changed in bad:
            # A source of its own each time: its sequences begin anew.
            name = f"stranger-{dice.getrandbits(32):08x}".encode()
            headers = list({**_HEADERS, "producer": name, **changed}.items())
            place = dice.randrange(12)
            await producer.send_and_wait(_TOPIC, value, key=b"s", partition=place, headers=headers)
            await scene.wait(0.2, 0.6)
    finally:
        await producer.stop()
    wanted = len(bad) * len(READERS)
    scene.load.ledger.bad_records += wanted
    scene.checks.append(partial(_counted, scene, before + wanted))


async def _counted(scene: Scene, wanted: int) -> list[str]:
    """Whoever is quiet has applied what services wrote; of strangers' records he does not know."""
    dsn, deadline = scene.stage.servers.direct_dsn, time.monotonic() + _PATIENCE_SECONDS
    letters = await _letters(dsn)
    while letters < wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        letters = await _letters(dsn)
    return [] if letters == wanted else [f"{letters} dead letters instead of {wanted}"]


async def _letters(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await oracle.dead_letters(connection)
    finally:
        await connection.close()
