"""The API's app for the tests of its routes."""

from collections.abc import AsyncIterator
from typing import cast

import asyncpg
import pytest

from service_kit.tx import Tx
from tests.conftest import TxOf, at
from tests.contacts_api.front import Front, Stage, open_stage
from tests.contacts_api.resolving import DOOR, RealResolver


@pytest.fixture(scope="module")
async def stage(postgres: str, migrated: str, secret: str) -> AsyncIterator[Stage]:
    """One app on one database for all tests here: each has a workspace of its own."""
    name = f"{migrated}_routes"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    try:
        async with open_stage(at(postgres, name), secret) as stage:
            yield stage
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def front(stage: Stage) -> AsyncIterator[Front]:
    front = await stage.enter()
    yield front
    stage.resolver.paused = stage.resolver.elsewhere = False


@pytest.fixture(scope="module")
async def real_stage(postgres: str, migrated: str, secret: str) -> AsyncIterator[Stage]:
    """The same app with the resolver itself behind it."""
    name = f"{migrated}_resolved"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    database = at(postgres, name)
    try:
        async with open_stage(
            database, secret, resolving=RealResolver, merge_resolver_url=DOOR
        ) as stage:
            resolver = cast(RealResolver, stage.resolver)
            await resolver.open(database, secret)
            yield stage
            await resolver.runtime.close()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def real_front(real_stage: Stage) -> Front:
    return await real_stage.enter()


@pytest.fixture
async def tx(tx_of: TxOf) -> Tx:
    return await tx_of("contacts_api")
