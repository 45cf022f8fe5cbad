"""The resolver as the process it is, between a real broker and a real database."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contact_schema.envelope import Message
from kith.stack import ports
from service_kit import migrate, outbox, topics
from service_kit.assignment import prime
from service_kit.packing import Packed
from tests.conftest import SECRET
from tests.conventions.places import ROOT
from tests.merge_resolver.hosts import CHANGES, Told, Waiting, read
from tests.service_kit.line import until

NAME: Final = "merge_resolver"
WRITERS: Final = {
    "contacts.interactions.v1": "ingest",
    "contacts.identity.v1": "identity_verify",
    "contacts.commands.v1": "contacts_api",
    "contacts.erasure.v1": "gdpr_purge",
}
"""Of what the resolver reads: in whose name it is sent here."""


class Process:
    """Started once for all examples, and again whenever it was killed."""

    def __init__(self, kafka: str, database: str, folder: Path) -> None:
        """In the loop that all of its work is awaited in."""
        self._run = Waiting()
        self._kafka, self._folder = kafka, folder
        self._most, self._lives = 500, 1
        self._file = folder / "topics.yaml"
        self._file.write_text(yaml.safe_dump(_topics()))
        self._topics = topics.load(self._file)
        self._dsn = database
        self._sequences: dict[str, int] = {}
        self._tails: dict[tuple[str, int], int] = {}
        self._told: list[Told] = []
        self._child: subprocess.Popen[bytes] | None = None

    async def open(self) -> None:
        await topics.provision(self._kafka, self._file)
        self._database = await asyncpg.connect(self._dsn)
        self._producer = AIOKafkaProducer(bootstrap_servers=self._kafka, acks="all")
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka)
        await self._consumer.start()
        changes = range(self._topics[CHANGES].partitions)
        self._changes = [TopicPartition(CHANGES, partition) for partition in changes]
        self._consumer.assign(self._changes)
        await self._consumer.seek_to_beginning()
        await self._start()

    async def aclose(self) -> None:
        self._kill()
        for client in (self._producer, self._consumer):
            await client.stop()
        await self._database.close()

    def at(self, most: int) -> "Process":
        """From its next start on it takes so many messages at once. Each start takes seconds, so
        that an example has one.
        """
        self._most, self._lives = most, 1
        return self

    def close(self) -> None:
        """The end of an example. The process goes on."""

    async def _start(self) -> None:
        port = ports.pick(None)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "KITH_KAFKA_BOOTSTRAP": self._kafka,
            "KITH_SERVICE_POSTGRES_DSN": migrate.service_dsn(self._dsn, NAME, SECRET),
            "KITH_SECRET": SECRET,
            "KITH_SERVICE_TOKEN": "token",
            "KITH_HTTP_PORT": str(port),
            "KITH_TOPICS_FILE": str(self._file),
            "KITH_BATCH_MAX_RECORDS": str(self._most),
            # The least that a broker takes: so long it waits for the one that was killed.
            "KITH_SESSION_TIMEOUT_MS": "6000",
        }
        self._child = _launch(environment, self._folder / "process.log")

        async def is_ready() -> bool:
            assert self._child is not None
            assert self._child.poll() is None, "it has ended: see process.log"
            async with httpx.AsyncClient() as client:
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}/readyz")
                except httpx.TransportError:
                    return False
                return answer.status_code == httpx.codes.OK

        await until(is_ready, 60)

    def _kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def send(self, messages: Sequence[Message]) -> None:
        self._run(self._send(messages))

    async def _send(self, messages: Sequence[Message]) -> None:
        for one in messages:
            writer = WRITERS[one.TOPIC]
            row = outbox.compose(one, self._topics[one.TOPIC])
            sequence = self._sequences[writer] = self._sequences.get(writer, 0) + 1
            previous = self._tails.get((row.topic, row.partition), 0)
            self._tails[row.topic, row.partition] = sequence
            place = {"producer": writer, "sequence": str(sequence), "previous": str(previous)}
            headers = [(k, v.encode()) for k, v in {**row.headers, **place}.items()]
            await self._producer.send(
                row.topic, row.body, row.key, partition=row.partition, headers=headers
            )
        await self._producer.flush()

    def crash(self) -> None:
        if self._lives:
            self._lives -= 1
            self._run(self._crash())

    async def _crash(self) -> None:
        self._kill()
        await self._start()

    def start_over(self, *, unmarked: bool) -> None:
        if self._lives:
            self._lives -= 1
            self._run(self._start_over(unmarked=unmarked))

    async def _start_over(self, *, unmarked: bool) -> None:
        self._kill()
        for topic in WRITERS:
            group, partitions = topics.group_of(NAME, topic), self._topics[topic].partitions
            await prime(self._kafka, group, topic, partitions, anew=True)
        if unmarked:
            await self._database.execute("DELETE FROM merge_resolver.watermarks")
        await self._start()

    def rest(self, space: str) -> None:
        self._run(until(self._is_at_rest, 60))

    async def _is_at_rest(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, "it has ended: see process.log"
        rows = await self._database.fetch(
            f"SELECT topic, partition, last_seq FROM {NAME}.watermarks"
        )
        marks = {(row["topic"], row["partition"]): row["last_seq"] for row in rows}
        if any((marks.get(place) or 0) < last for place, last in self._tails.items()):
            return False
        return bool(
            await self._database.fetchval(
                "SELECT m.last_seq = h.last_seq"
                "   AND NOT EXISTS (SELECT FROM merge_resolver.spaces WHERE swept_to IS NOT NULL)"
                "  FROM merge_resolver.relay_mark AS m, merge_resolver.outbox_head AS h"
            )
        )

    def fetch(self, statement: str, *values: Any) -> list[Any]:
        rows: list[Any] = self._run(self._fetch(statement, *values))
        return rows

    async def _fetch(self, statement: str, *values: Any) -> Any:
        return await self._database.fetch(statement, *values)

    def told(self) -> list[Told]:
        self._run(self._read())
        return self._told

    async def _read(self) -> None:
        """What came to the topic since. A message that was sent again counts once."""
        ends = await self._consumer.end_offsets(self._changes)
        seen = {one.partition: one.sequence for one in self._told}
        while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
            for found in (await self._consumer.getmany(timeout_ms=100)).values():
                for record in found:
                    headers = {name: value.decode() for name, value in record.headers}
                    sequence = int(headers["sequence"])
                    if sequence > seen.get(record.partition, 0):
                        seen[record.partition] = sequence
                        previous = int(headers["previous"])
                        packed = Packed(sequence, previous, record.key, headers, record.value)
                        self._told.append(read(packed, record.partition))


def _launch(environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", f"{NAME}.app"], env=environment, stdout=output, stderr=output
        )


def _topics() -> Any:
    """As they are, in two partitions."""
    document = yaml.safe_load((ROOT / "deploy" / "topics.yaml").read_text())
    document["defaults"]["partitions"] = 2
    return document
