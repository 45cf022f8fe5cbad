"""The comparison itself: it must see each kind of harm, else a clean table says nothing."""

import socket
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from kith.faults import contacts, oracle, quiet
from kith.faults.kinds import KINDS
from kith.faults.ledger import Ledger, Sent
from kith.faults.oracle import Findings
from kith.faults.proxy import FaultProxy
from kith.faults.record import append, entry_of, read
from kith.faults.report import KEPT_FROM, bound, ends, rows, seeds, skips, troubles, write
from kith.faults.rounds import Outcome, schedule
from kith.stack import ports
from kith.stack.provisioning import TOPICS_FILE
from service_kit import topics


def sent(number: int, person: str = "p") -> Sent:
    return Sent(f"{person}-{number}", "agent", person, number)


def written(*markers: str, slice_: str = "contacts_api") -> list[dict[str, str]]:
    """Each in a transaction of its own."""
    return [
        {"slice": slice_, "name": marker, "transaction": str(number)}
        for number, marker in enumerate(markers)
    ]


def test_a_write_that_a_unique_key_swallowed_is_a_double() -> None:
    applied = written("p-1", "p-2", "p-1")
    assert oracle.doubled({"p-1": 1, "p-2": 1}, applied, Counter()) == ["p-1"]
    assert oracle.doubled({"p-1": 2}, [], Counter()) == ["p-1"]
    assert oracle.doubled({}, [], Counter({"p-1": 2})) == ["p-1"]


def test_two_merges_in_timelines_are_no_double() -> None:
    page: list[dict[str, Any]] = [{"event_id": None}, {"event_id": "p-1"}, {"event_id": None}]
    assert oracle.events_of(page) == ["p-1"]


def test_the_same_name_in_two_slices_is_no_double() -> None:
    applied = [*written("p-1"), *written("p-1", slice_="merge_resolver")]
    assert oracle.doubled({"p-1": 1}, applied, Counter({"p-1": 1})) == []


def test_an_earlier_event_in_a_later_transaction_is_out_of_order() -> None:
    accepted = {one.marker: one for one in (sent(1), sent(2), sent(3), sent(1, "q"))}
    assert oracle.out_of_order(written("p-1", "p-3", "q-1", "p-2"), accepted) == ["p-2"]
    together = [{**row, "transaction": "7"} for row in written("p-2", "p-1")]
    assert oracle.out_of_order(together, accepted) == []


def test_each_finding_alone_is_not_clean() -> None:
    assert Findings().clean
    assert not Findings(lost=["x"]).clean
    assert not Findings(doubled=["x"]).clean
    assert not Findings(out_of_order=["x"]).clean
    assert not Findings(phantoms=["x"]).clean
    assert not Findings(wrong_contacts=["x"]).clean
    assert not Findings(unexplained=-1).clean


def test_a_contact_too_many_too_few_or_different_is_seen() -> None:
    assert contacts.differing({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b", "c"]
    assert contacts.differing({"a": 1}, {}) == ["a"]


async def test_a_question_that_fails_is_never_quiet(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text("{defaults: {partitions: 1, config: {}}, topics: {}}")
    nobody = ports.pick(None)
    assert await quiet.under_way(f"postgresql://u@127.0.0.1:{nobody}/d", {}, file)


async def test_a_reader_below_a_writers_last_message_is_not_quiet(database: str) -> None:
    listed, topic = topics.load(TOPICS_FILE), "contacts.interactions.v1"
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("INSERT INTO ingest.outbox_tails VALUES ($1, 3, 7)", topic)
        assert len(await quiet.unapplied(database, listed)) == 2  # nobody has read any of it
        for reader, mark in (("merge_resolver", 7), ("contacts_api", 6)):
            await connection.execute(
                f"INSERT INTO {reader}.watermarks (topic, partition, producer, last_seq)"
                " VALUES ($1, 3, 'ingest', $2)",
                topic,
                mark,
            )
        told = await quiet.unapplied(database, listed)
        assert told == [f"contacts_api is behind in 1 sources of {topic}"]
        await connection.execute("UPDATE contacts_api.watermarks SET last_seq = 7")
        assert await quiet.unapplied(database, listed) == []
    finally:
        await connection.close()


def test_a_call_without_an_answer_stays_open_in_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.intend([sent(1), sent(2)])
    ledger.settle([sent(1)], "ok")
    ledger.settle([sent(2)], "unknown")
    assert (set(ledger.accepted), set(ledger.open)) == ({"p-1"}, {"p-2"})
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert [line.split('"')[3] for line in lines] == ["intent", "ok", "unknown"]
    ledger.close()


def test_a_seed_makes_the_same_rounds_and_every_kind_comes_before_one_comes_again() -> None:
    first = [kind.name for kind in schedule(len(KINDS) + 5, 3)]
    assert first == [kind.name for kind in schedule(len(KINDS) + 5, 3)]
    assert first != [kind.name for kind in schedule(len(KINDS) + 5, 4)]
    assert len(set(first[: len(KINDS)])) == len(KINDS)


def test_the_table_tells_of_what_was_lost_and_what_could_not_be_judged() -> None:
    good = entry_of(7, Outcome(1, "kill", 10, 1.5, Findings()))
    bad = entry_of(7, Outcome(2, "kill", 10, 2.5, Findings(lost=["p-1"])))
    stuck = entry_of(7, Outcome(3, "kill", 10, 0, Findings(), "never quiet: ingest"))
    assert bound([good] * 300) == "1.0 %"
    assert bound([good, bad, stuck]) == "2 of 3 failed"
    assert len(troubles([good, bad, stuck])) == 2
    assert rows([good, bad])[0][1:5] == ("2", "20", "1", "0")


def test_a_round_tells_which_process_did_not_go_on_by_itself() -> None:
    healed = Outcome(1, "cut", 10, 1.5, Findings(), ended=("ingest with 70",))
    assert ends([entry_of(7, healed)]) == ["seed 7, round 1, cut: ingest with 70"]
    assert troubles([entry_of(7, healed)]) == []


def test_a_skipped_round_is_told_and_counted_nowhere() -> None:
    skipped = entry_of(7, Outcome(1, "disk", 10, 0, Findings(), skipped="no mount here"))
    good = entry_of(7, Outcome(2, "kill", 10, 1.5, Findings()))
    assert [row[:2] for row in rows([skipped, good])] == [("kill", "1"), ("**all**", "1")]
    assert skips([skipped, good]) == ["disk: skipped, no mount here"]
    assert bound([]) == "no data"


def test_runs_add_up(tmp_path: Path) -> None:
    """A run that is repeated or goes on later adds its lines to those that are there."""
    lines = tmp_path / "faults.jsonl"
    first = entry_of(7, Outcome(1, "kill", 10, 1.5, Findings()))
    second = entry_of(8, Outcome(4, "freeze", 10, 2.5, Findings(lost=["p-1"]), unanswered=3))
    for entry in (first, second):
        append(lines, entry)
    assert read(lines) == [first, second]
    assert seeds(read(lines)) == (
        "seed 7: 1 rounds, up to number 1; seed 8: 1 rounds, up to number 4"
    )


def test_what_is_left_of_an_erased_person_is_not_clean() -> None:
    assert not Findings(left_over=["p-1"]).clean


def test_an_erased_person_is_not_expected_any_more(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.intend([sent(1), sent(2)])
    ledger.settle([sent(1), sent(2)], "ok")
    ledger.erase("p")
    assert (set(ledger.accepted), set(ledger.erased)) == (set(), {"p-1", "p-2"})
    ledger.close()


@pytest.fixture
def echo() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(5)
    return server


def test_the_proxy_passes_on_cuts_after_some_bytes_and_resets(echo: socket.socket) -> None:
    proxy = FaultProxy(echo.getsockname()[1])
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
            behind, _ = echo.accept()
            with behind:
                client.sendall(b"hello")
                assert behind.recv(10) == b"hello"
                proxy.weather.cut_after = 3
                client.sendall(b"goodbye")
                assert behind.recv(10) == b"goo"
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        proxy.clear()
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as client:
            behind, _ = echo.accept()
            with behind:
                client.sendall(b"x")
                assert behind.recv(1) == b"x"
                assert proxy.reset_all() == 1
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
    finally:
        proxy.stop()
        echo.close()


def test_a_new_table_leaves_what_people_wrote_under_the_old_one(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    write(page, [entry_of(7, Outcome(1, "kill", 10, 1.5, Findings()))])
    page.write_text(page.read_text() + f"\n{KEPT_FROM}\nThis.\n")
    write(page, [entry_of(7, Outcome(1, "freeze", 10, 1.5, Findings()))])
    assert "| freeze | 1 |" in page.read_text()
    assert "| kill | 1 |" not in page.read_text()
    assert page.read_text().endswith(f"\n{KEPT_FROM}\nThis.\n")
