from collections.abc import Awaitable, Callable

import pytest

from service_kit.tx import Tx
from tests.merge_resolver.engine import Engine


@pytest.fixture
async def engine(tx_of: Callable[[str], Awaitable[Tx]]) -> Engine:
    return Engine(await tx_of("merge_resolver"))
