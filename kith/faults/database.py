"""PostgreSQL does not do what it is asked: locks that others hold, connections it does not give."""

import asyncpg

from kith.faults import servers
from kith.faults.scene import READERS, Scene
from kith.faults.stage import SESSION_TIMEOUT_MS
from kith.stack.configuration import SERVICES


async def hold_lock(scene: Scene) -> None:
    """As a careless migration does: for longer than a reader's session with the broker."""
    service = scene.dice.choice(READERS)
    connection = await asyncpg.connect(scene.stage.servers.direct_dsn)
    try:
        async with connection.transaction():
            table = f"{service}.{scene.dice.choice(('watermarks', 'outbox_head', 'records'))}"
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            await scene.wait(SESSION_TIMEOUT_MS / 1000 + 1, SESSION_TIMEOUT_MS / 1000 + 3)
    finally:
        await connection.close()


async def refuse_connections(scene: Scene) -> None:
    """Those it has are ended, new ones are one too many for its role."""
    dsn = scene.stage.servers.direct_dsn
    role = scene.stage.role(scene.dice.choice(SERVICES))
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        try:
            await servers.terminate_backends(dsn, role)
            await scene.wait(3, 6)
        finally:
            await connection.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
    finally:
        await connection.close()
