"""What a service tells those who operate it, and a dead letter that is sent again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from service_kit import http
from service_kit.outcomes import Retry
from service_kit.process import Running
from service_kit.service import Service, Stream
from service_kit.tx import Batch, Tx
from tests.service_kit.conftest import Start
from tests.service_kit.line import Line, until, until_applied, until_ready

TOKEN = {"Authorization": "Bearer token"}


@asynccontextmanager
async def door_of(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    app = http.build_app(Service(running.runtime.name, running.runtime.settings), running.runtime)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://kith.example", headers=TOKEN
    ) as client:
        yield client


class Moody:
    """Applies, or refuses every message while its mood is bad."""

    def __init__(self, line: Line) -> None:
        self.line, self.bad = line, True

    async def apply(self, batch: Batch, tx: Tx) -> None:
        if not self.bad:
            await self.line.append(batch, tx)
            return
        for received in batch:
            tx.reject(received, "not-today")


async def letters_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/internal/v1/dead-letters")
    assert answer.status_code == httpx.codes.OK, answer.text
    return list(answer.json()["data"])


async def refused_once(line: Line, start: Start) -> tuple[Running, Moody, list[int]]:
    """A reader with one dead letter in a better mood, and what another group of the topic took."""
    moody, taken_by_others = Moody(line), list[int]()

    async def note(batch: Batch, tx: Tx) -> None:
        taken_by_others.extend(r.body.number for r in batch)

    also = Stream(line.noted.TOPIC, note, (line.noted,))
    writer = await start(Running(Service(line.writer, line.settings(line.writer), (also,))))
    reader = await start(line.reading(moody.apply))
    await until_ready(writer, reader)
    await line.emit(writer, 7)
    await until(lambda: has_letters(line, 1))
    await until(lambda: taken_by_others == [7])
    moody.bad = False
    return reader, moody, taken_by_others


async def has_letters(line: Line, count: int) -> bool:
    rows = await line.rows(f"SELECT count(*) AS n FROM {line.reader}.dead_letters")
    return bool(rows[0]["n"] == count)


async def test_a_dead_letter_sent_again_is_applied_once_and_by_its_own_group_only(
    line: Line, start: Start
) -> None:
    reader, _, taken_by_others = await refused_once(line, start)
    async with door_of(reader) as client:
        [letter] = await letters_of(client)
        path = f"/internal/v1/dead-letters/{letter['id']}/redrive"
        first, second = await client.post(path), await client.post(path)
        assert (first.json()["redriven"], second.json()["redriven"]) == (True, False)
        await until_applied(line, [7])
        [letter] = await letters_of(client)
        assert letter["redriven_at"] is not None

    # The other group's next message comes after the one that was sent again.
    await line.emit(reader, 8)
    await until(lambda: 8 in taken_by_others)
    assert taken_by_others == [7, 8]
    await until_applied(line, [7, 8])


async def test_a_dead_letter_sent_again_keeps_its_message_id_and_gets_a_new_sequence(
    line: Line, start: Start
) -> None:
    reader, _, _ = await refused_once(line, start)
    async with door_of(reader) as client:
        [letter] = await letters_of(client)
        await client.post(f"/internal/v1/dead-letters/{letter['id']}/redrive")
    [before] = await line.written(line.writer, line.noted.TOPIC)
    [again] = await line.written(line.reader, line.noted.TOPIC)
    assert again.headers["message-id"] == before.headers["message-id"]
    assert again.headers["group"] == line.group
    assert again.sequence > 0


async def test_a_letter_refused_again_is_a_new_letter(line: Line, start: Start) -> None:
    reader, moody, _ = await refused_once(line, start)
    moody.bad = True
    async with door_of(reader) as client:
        [letter] = await letters_of(client)
        await client.post(f"/internal/v1/dead-letters/{letter['id']}/redrive")
        await until(lambda: has_letters(line, 2))
        newest, oldest = await letters_of(client)
    assert newest["redriven_at"] is None
    assert oldest["id"] == letter["id"]


async def test_a_letter_without_a_value_stays_what_it_is(line: Line, start: Start) -> None:
    reader = await start(line.reading())
    await until_ready(reader)
    await line.publish({"key": b"s", "value": None, "headers": []})
    await until(lambda: has_letters(line, 1))
    async with door_of(reader) as client:
        [letter] = await letters_of(client)
        answer = await client.post(f"/internal/v1/dead-letters/{letter['id']}/redrive")
        assert answer.json()["code"] == "not-redrivable"
        assert [one["redriven_at"] for one in await letters_of(client)] == [None]


async def test_the_list_of_dead_letters_shows_no_body_and_no_header(
    line: Line, start: Start
) -> None:
    reader, _, _ = await refused_once(line, start)
    async with door_of(reader) as client:
        [letter] = await letters_of(client)
    assert set(letter) == {
        "id", "topic", "group", "partition", "offset", "type", "slug", "appended_at", "at",
        "redriven_at",
    }  # fmt: skip
    assert (letter["slug"], letter["type"], letter["group"]) == ("not-today", "Noted", line.group)


async def test_the_doors_for_operators_need_the_service_token(line: Line, start: Start) -> None:
    reader = await start(line.reading())
    async with door_of(reader) as client:
        for method, path in (
            ("GET", "streams"),
            ("GET", "dead-letters"),
            ("POST", "dead-letters/x/redrive"),
        ):
            answer = await client.request(
                method, f"/internal/v1/{path}", headers={"Authorization": "Bearer other"}
            )
            assert answer.status_code == httpx.codes.UNAUTHORIZED


async def test_a_batch_that_waits_for_something_counts_as_not_applied_and_ages(
    line: Line, start: Start
) -> None:
    waiting = True

    async def apply(batch: Batch, tx: Tx) -> None:
        if waiting:
            raise Retry("neighbour-away")
        await line.append(batch, tx)

    writer, reader = await start(line.writing()), await start(line.reading(apply))
    await until_ready(writer, reader)
    async with door_of(reader) as client:

        async def stream() -> dict[str, Any]:
            answer = await client.get("/internal/v1/streams")
            return next(s for s in answer.json()["streams"] if s["group"] == line.group)

        async def behind() -> bool:
            told = await stream()
            return bool(told["lag_messages"] == 3 and told["lag_seconds"] > 1)

        async def done() -> bool:
            told = await stream()
            return bool(told["lag_messages"] == 0 and told["places"] == {"0": [3, 3]})

        await line.emit(writer, 1, 2, 3)
        await until(behind)
        assert (await stream())["retrying"] == "neighbour-away"
        waiting = False
        await until(done)
        assert (await stream())["lag_seconds"] == 0
        assert (await stream())["unaccounted"] == 0


async def test_writer_and_reader_tell_the_same_sequence_once_all_is_applied(
    line: Line, start: Start
) -> None:
    writer, reader = await start(line.writing()), await start(line.reading())
    await until_ready(writer, reader)
    await line.emit(writer, 1, 2)
    await until_applied(line, [1, 2])
    async with door_of(writer) as client:
        emitted = (await client.get("/internal/v1/streams")).json()["emitted"]
    async with door_of(reader) as client:
        applied = (await client.get("/internal/v1/streams")).json()["applied"]
    assert [row[:3] for row in emitted] == [[line.noted.TOPIC, 0, 2]]
    assert applied == [[line.noted.TOPIC, 0, line.writer, 2]]
