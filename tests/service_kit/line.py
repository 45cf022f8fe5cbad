"""A writer, a topic and a reader that exist for one test: what the kit promises is seen on them."""

import asyncio
import random
import string
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import yaml
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from service_kit import migrate, testing, topics
from service_kit.packing import Packed
from service_kit.process import Running
from service_kit.service import Service, Stream
from service_kit.settings import KitSettings
from service_kit.tx import Batch, Tx
from tests.service_kit.names import Noted, unique

SECRET = "a secret of the kit's tests"
Apply = Callable[[Batch, Tx], Awaitable[None]]
CONFIG = {"message.timestamp.type": "LogAppendTime", "retention.ms": "604800000"}


@dataclass
class Line:
    """`noted` is the message of this line's topic; `reader` appends each to `applied`."""

    kafka: str
    dsn: str
    noted: type[Noted]
    writer: str
    reader: str
    topics_file: Path
    apply: Apply | None = None

    @property
    def group(self) -> str:
        return topics.group_of(self.reader, self.noted.TOPIC)

    def settings(self, service: str) -> KitSettings:
        return KitSettings(
            kafka_bootstrap=self.kafka,
            service_postgres_dsn=SecretStr(migrate.service_dsn(self.dsn, service, SECRET)),
            secret=SecretStr(SECRET),
            service_token=SecretStr("token"),
            topics_file=self.topics_file,
            watch_seconds=0.2,
        )

    def writing(self) -> Running:
        return Running(Service(self.writer, self.settings(self.writer)))

    def reading(self, apply: Apply | None = None, trusted: bool = True) -> Running:
        return Running(self.reading_service(apply, trusted))

    def reading_service(self, apply: Apply | None = None, trusted: bool = True) -> Service:
        stream = Stream(
            self.noted.TOPIC, apply or self.append, (self.noted,), trusted_sequences=trusted
        )
        return Service(self.reader, self.settings(self.reader), (stream,))

    async def append(self, batch: Batch, tx: Tx) -> None:
        """No unique key: what is applied twice is there twice."""
        rows = [(r.space, r.body.number) for r in batch]
        await tx.connection.copy_records_to_table(
            "applied", columns=["space", "number"], records=rows
        )

    async def applied(self) -> list[int]:
        rows = await self.rows(f"SELECT number FROM {self.reader}.applied ORDER BY no")
        return [row["number"] for row in rows]

    async def rows(self, statement: str, *args: Any) -> list[asyncpg.Record]:
        """As the administrator."""
        connection = await asyncpg.connect(self.dsn)
        try:
            found: list[asyncpg.Record] = await connection.fetch(statement, *args)
            return found
        finally:
            await connection.close()

    async def written(self, service: str, topic: str) -> list[Packed]:
        """What a service's outbox holds for a topic, in order."""
        connection = await asyncpg.connect(self.dsn, server_settings={"search_path": service})
        try:
            return await testing.written(connection, topic=topic)
        finally:
            await connection.close()

    async def emit(self, running: Running, *numbers: int, space: str = "s") -> None:
        async with running.runtime.transaction() as tx:
            tx.emit(*(self.noted(space=space, number=n) for n in numbers))

    async def publish(self, *records: dict[str, Any]) -> None:
        """Past the kit, as a stranger would: `key`, `value`, `headers`."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all")
        await producer.start()
        try:
            for record in records:
                await producer.send_and_wait(self.noted.TOPIC, partition=0, **record)
        finally:
            await producer.stop()


async def make_line(kafka: str, dsn: str, folder: Path, partitions: int = 1) -> Line:
    """With one partition the order of what is applied is the whole order."""
    word = "".join(random.choices(string.ascii_lowercase, k=10))
    noted = unique(f"contacts.notes-{word}.v1")
    line = Line(kafka, dsn, noted, f"writer_{word}", f"reader_{word}", folder / f"{word}.yaml")
    document = {
        "defaults": {"partitions": partitions, "config": CONFIG},
        "topics": {
            noted.TOPIC: {
                "messages": {"Noted": {"writers": [line.writer], "readers": [line.reader]}}
            },
            "contacts.refills.v1": {"partitions": 1, "messages": {}},
        },
    }
    line.topics_file.write_text(yaml.safe_dump(document))
    await topics.provision(kafka, line.topics_file)
    await migrate.provision(dsn, [line.writer, line.reader], SECRET)
    await line.rows(
        f"CREATE TABLE {line.reader}.applied"
        " (no bigint GENERATED ALWAYS AS IDENTITY, space text, number int)"
    )
    await line.rows(f"GRANT ALL ON {line.reader}.applied TO {migrate.role_of(line.reader)}")
    return line


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float = 30
) -> None:
    """Wait for a condition, not for a time."""
    async with asyncio.timeout(seconds):
        while True:
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.02)


async def until_applied(line: Line, wanted: Sequence[int]) -> None:
    async def there() -> bool:
        return len(await line.applied()) >= len(wanted)

    await until(there)
    assert await line.applied() == list(wanted)


async def until_ready(*all_running: Running) -> None:
    for running in all_running:

        async def ready(running: Running = running) -> bool:
            return bool((await running.runtime.report())["ready"])

        await until(ready)
