"""A whole service in a process of its own; its name and its topic are the arguments."""

import sys

from fastapi import APIRouter

from service_kit.service import Service, Stream, run
from service_kit.settings import KitSettings
from service_kit.sql import Query
from service_kit.tx import Batch, Tx
from tests.service_kit.names import unique

INSERT = "INSERT INTO applied (space, number) SELECT $1, unnest($2::int[])"


async def apply(batch: Batch, tx: Tx) -> None:
    await tx.execute(Query("insert_applied", INSERT), "s", [r.body.number for r in batch])


if __name__ == "__main__":
    noted = unique(sys.argv[2])
    router = APIRouter()
    stream = Stream(noted.TOPIC, apply, (noted,))
    run(Service(sys.argv[1], KitSettings(), (stream,), (router,)))
