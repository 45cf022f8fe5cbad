"""The faults: each a function of the stage and of dice, over when what is broken is left alone."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer

from kith.faults import backups, clock, database, disks, door, erasing, poison, servers
from kith.faults.proxy import FaultProxy
from kith.faults.scene import READERS, Kind, Make, Scene
from kith.faults.stage import SESSION_TIMEOUT_MS
from kith.stack.configuration import SERVICES
from kith.stack.provisioning import refill


def _kill(service: str) -> Make:
    async def make(scene: Scene) -> None:
        before = scene.stage.signal(service, signal.SIGKILL)
        await asyncio.to_thread(scene.stage.await_successor, service, before)

    return make


def _end(service: str) -> Make:
    async def make(scene: Scene) -> None:
        before = scene.stage.signal(service, signal.SIGTERM)
        await asyncio.to_thread(scene.stage.await_successor, service, before)

    return make


def _freeze(service: str) -> Make:
    """Past the session time-out: the broker gives its partitions away, then it goes on."""

    async def make(scene: Scene) -> None:
        with scene.stage.frozen(service):
            await scene.wait(SESSION_TIMEOUT_MS / 1000 + 1, SESSION_TIMEOUT_MS / 1000 + 2)

    return make


async def _zombie(scene: Scene) -> None:
    """Frozen while a second copy takes over; then both hold what was the first one's."""
    service = scene.dice.choice(READERS)
    copy = scene.stage.copy_of(service)
    await asyncio.to_thread(copy.__enter__)
    try:
        await _freeze(service)(scene)
    finally:
        await asyncio.to_thread(copy.__exit__, None, None, None)


async def _kill_postgres(scene: Scene) -> None:
    await asyncio.to_thread(scene.stage.servers.kill_postgres)
    await asyncio.to_thread(scene.stage.servers.start_postgres)


async def _restart_postgres(scene: Scene) -> None:
    await asyncio.to_thread(scene.stage.servers.stop_postgres)
    await asyncio.to_thread(scene.stage.servers.start_postgres)


async def _kill_kafka(scene: Scene) -> None:
    await asyncio.to_thread(scene.stage.servers.kill_kafka)
    await scene.wait(0, 3)
    await asyncio.to_thread(scene.stage.servers.start_kafka)


async def _restart_kafka(scene: Scene) -> None:
    await asyncio.to_thread(scene.stage.servers.end_kafka)
    await asyncio.to_thread(scene.stage.servers.start_kafka)


async def _freeze_kafka(scene: Scene) -> None:
    process = scene.stage.servers.kafka.process
    process.send_signal(signal.SIGSTOP)
    try:
        await scene.wait(3, 8)
    finally:
        process.send_signal(signal.SIGCONT)


async def _terminate_backends(scene: Scene) -> None:
    for _ in range(3):
        role = scene.stage.role(scene.dice.choice(SERVICES))
        await servers.terminate_backends(scene.stage.servers.direct_dsn, role)
        await scene.wait(0.2, 0.8)


async def _kill_backend(scene: Scene) -> None:
    role = scene.stage.role(scene.dice.choice(READERS))
    await servers.kill_a_backend(scene.stage.servers.direct_dsn, role)


def _reset(proxy_of: Callable[[Scene], FaultProxy]) -> Make:
    async def make(scene: Scene) -> None:
        for _ in range(3):
            await asyncio.to_thread(proxy_of(scene).reset_all)
            await scene.wait(0.1, 1.0)

    return make


def _cut_within(proxy_of: Callable[[Scene], FaultProxy]) -> Make:
    """After so many bytes, wherever that is: also inside a COMMIT."""

    async def make(scene: Scene) -> None:
        weather = proxy_of(scene).weather
        for _ in range(8):
            weather.cut_after = scene.dice.randrange(100, 20_000)
            await scene.wait(0.2, 0.6)
        proxy_of(scene).clear()

    return make


def _slow(proxy_of: Callable[[Scene], FaultProxy]) -> Make:
    async def make(scene: Scene) -> None:
        proxy_of(scene).weather.delay = scene.dice.uniform(0.02, 0.2)
        await scene.wait(3, 6)
        proxy_of(scene).clear()

    return make


def _half_open(proxy_of: Callable[[Scene], FaultProxy]) -> Make:
    """Nothing gets through for some seconds; then every connection turns out to be dead."""

    async def make(scene: Scene) -> None:
        proxy = proxy_of(scene)
        proxy.weather.silent = True
        await scene.wait(2, 6)
        await asyncio.to_thread(proxy.reset_all)
        proxy.clear()

    return make


def _to_postgres(scene: Scene) -> FaultProxy:
    return scene.stage.servers.to_postgres


def _to_kafka(scene: Scene) -> FaultProxy:
    return scene.stage.servers.to_kafka


async def _repeat_input(scene: Scene) -> None:
    scene.load.repeat = True
    await scene.wait(4, 6)
    scene.load.repeat = False


async def _late_input(scene: Scene) -> None:
    scene.load.late = True
    await scene.wait(4, 6)
    scene.load.late = False


async def _send_all_again(scene: Scene) -> None:
    """Every message that any service ever wrote goes out a second time."""
    for service in ("ingest", "merge_resolver", "contacts_api", "identity_verify"):
        await asyncio.to_thread(refill, scene.stage.servers.direct_dsn, service, 1)


async def _rolling_restart(scene: Scene) -> None:
    for service in SERVICES:
        await _end(service)(scene)


async def _second_copy(scene: Scene) -> None:
    """It comes, works along, and is killed."""
    service = scene.dice.choice(READERS)
    copy = scene.stage.copy_of(service)
    process = await asyncio.to_thread(copy.__enter__)
    try:
        await scene.wait(1, 3)
        process.kill()
    finally:
        await asyncio.to_thread(copy.__exit__, None, None, None)


async def _rebalances(scene: Scene) -> None:
    """A stranger joins a group and leaves it, every 2 seconds."""
    service = scene.dice.choice(READERS)
    group = f"{service.replace('_', '-')}.interactions"
    for _ in range(5):
        stranger = AIOKafkaConsumer(
            "contacts.interactions.v1",
            bootstrap_servers=scene.stage.servers.bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
        )
        with contextlib.suppress(Exception):
            await asyncio.wait_for(stranger.start(), 5)
        await asyncio.sleep(1)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(stranger.stop(), 5)
        await asyncio.sleep(1)


def _together(number: int) -> Make:
    """Of as many different sorts, at the same time, each with dice of its own."""

    async def make(scene: Scene) -> None:
        sorts = sorted(scene.dice.sample(range(len(_SORTS)), number))
        kinds = [scene.dice.choice(_SORTS[sort]) for sort in sorts]
        scene.parts += [kind.name for kind in kinds]
        dices = [random.Random(scene.dice.random()) for _ in kinds]
        parts = [Scene(scene.stage, scene.load, dice, scene.checks) for dice in dices]
        made = [kind.make(part) for kind, part in zip(kinds, parts, strict=True)]
        for result in await asyncio.gather(*made, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    return make


_OF_SERVICES = (
    *(Kind(f"kill -9 of {service}", _kill(service)) for service in SERVICES),
    *(Kind(f"SIGTERM of {service}", _end(service)) for service in SERVICES),
    *(Kind(f"{service} frozen past its session", _freeze(service)) for service in SERVICES),
    Kind("frozen while a copy takes over", _zombie),
    Kind("a second copy comes and is killed", _second_copy),
    Kind("a rebalance every 2 s", _rebalances),
)
_OF_SERVERS = (
    Kind("kill -9 of PostgreSQL", _kill_postgres),
    Kind("restart of PostgreSQL", _restart_postgres),
    Kind("kill -9 of one database session", _kill_backend),
    Kind("database sessions ended", _terminate_backends),
    Kind("kill -9 of the broker", _kill_kafka),
    Kind("restart of the broker", _restart_kafka),
    Kind("broker frozen", _freeze_kafka),
    Kind("connections to PostgreSQL reset", _reset(_to_postgres)),
    Kind("connections to PostgreSQL cut after some bytes", _cut_within(_to_postgres)),
    Kind("connections to PostgreSQL slow", _slow(_to_postgres)),
    Kind("connections to PostgreSQL half open", _half_open(_to_postgres)),
    Kind("connections to the broker reset", _reset(_to_kafka)),
    Kind("connections to the broker cut after some bytes", _cut_within(_to_kafka)),
    Kind("connections to the broker slow", _slow(_to_kafka)),
    Kind("connections to the broker half open", _half_open(_to_kafka)),
    Kind("a service's tables locked", database.hold_lock),
    Kind("no connections left for a service", database.refuse_connections),
)
_OF_INPUT = (
    Kind("every event sent twice", _repeat_input),
    Kind("every third event hours late", _late_input),
    Kind("connections to the events' door reset", door.reset_callers),
    Kind("answers of the events' door come too late", door.answer_late),
    Kind("bad records among good ones", poison.publish),
)
_SORTS = (_OF_SERVICES, _OF_SERVERS, _OF_INPUT)

KINDS = (
    *(kind for sort in _SORTS for kind in sort),
    Kind("two faults at once", _together(2)),
    Kind("three faults at once", _together(3)),
    Kind("all messages published again", _send_all_again),
    Kind("rolling restart of all services", _rolling_restart),
    Kind("ingest frozen while a copy sends", door.relay_twice),
    Kind("the broker's data wiped", backups.wipe_broker),
    Kind("a topic deleted and made again", backups.recreate_topic),
    Kind("offsets of all groups of a service set back", backups.set_offsets_back),
    Kind("offsets of all groups of a service set ahead", backups.set_offsets_ahead),
    Kind("ingest's schema restored from a backup", backups.restore_door),
    Kind("a service's schema restored from a backup", backups.restore),
    Kind("partitions added", backups.grow),
    Kind("a schema restored to before an erasure", erasing.restore_before_it),
    Kind("an erasure while two services are killed", erasing.erase_while_killed),
    Kind("PostgreSQL's disk full", disks.fill_disk(disks.postgres)),
    Kind("PostgreSQL's disk broken", disks.break_disk(disks.postgres)),
    Kind("the broker's disk full", disks.fill_disk(disks.broker)),
    Kind("the broker's disk broken", disks.break_disk(disks.broker)),
    Kind("a clock that jumps", clock.jump),
)
BY_NAME = {kind.name: kind for kind in KINDS}
