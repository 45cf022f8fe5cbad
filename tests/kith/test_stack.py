"""The local stack as a whole: it comes up, heals itself, and leaves nothing behind."""

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from kith.demo.play import play
from kith.main import make
from kith.stack import SERVICES, Stack
from kith.stack.processes import started_at

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
app = make()
SERVERS = ("kafka", "postgres")
NAMED = {
    "KITH_API_URL",
    "KITH_INGEST_URL",
    "KITH_CRM_URL",
    "KITH_KAFKA_BOOTSTRAP",
    "KITH_POSTGRES_DSN",
    "KITH_DEMO_WORKSPACE_ID",
    "KITH_DEMO_AGENT_ID",
    "KITH_DEMO_API_KEY",
    "KITH_DEMO_WIDGET_KEY",
    "KITH_DEMO_IDENTITY_SECRET",
    "KITH_DASHBOARD_USER",
    "KITH_DASHBOARD_PASSWORD",
    "KITH_DASHBOARD_URL",
    "KITH_DEMO_ORIGIN",
    "KITH_DEMO_LIMITED_API_KEY",
    "KITH_SECOND_AGENT_ID",
    "KITH_SECOND_API_KEY",
    "KITH_SECOND_WIDGET_KEY",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def test_every_part_has_a_process_a_pid_file_and_a_log(stack: Stack) -> None:
    pids = {name: stack.pid(name) for name in (*SERVERS, *SERVICES)}
    assert None not in pids.values()
    assert len(set(pids.values())) == len(pids)
    for name, pid in pids.items():
        assert (stack.layout.directory / "run" / f"{name}.pid").read_text() == f"{pid}\n"
        assert (stack.layout.directory / "logs" / f"{name}.log").exists()


def test_stack_env_names_everything_that_outsiders_need(stack: Stack) -> None:
    assert set(stack.env) >= NAMED
    assert all(stack.env[name] for name in NAMED)


def test_every_part_listens_on_loopback_only(stack: Stack) -> None:
    for name in (*SERVERS, *SERVICES):
        pid = stack.pid(name)
        assert pid is not None
        addresses = _listening(pid)
        assert addresses, name
        assert all(address in LOOPBACK for address in addresses), name


def test_a_file_is_imported_once_however_often_it_is_sent(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text(
        "External ID,Name,E-mail,Plan\n"
        "imp-1,Ada,imported.ada@example.com,gold\n"
        "imp-2,Grace,imported.grace@example.com,\n"
        ",Nobody,,\n"
    )
    command = ["import", str(file), "--directory", str(stack.layout.directory)]
    first, second = CliRunner().invoke(app, command), CliRunner().invoke(app, command)
    assert "3 rows: 2 created, 0 updated, 0 unchanged, 1 failed" in first.output
    assert "line 4: " in first.output
    assert "3 rows: 0 created, 0 updated, 2 unchanged, 1 failed" in second.output
    assert first.exit_code == second.exit_code == 1

    file.write_text("Name,E-mail\nNobody's,no.number@example.com\nAn,other.one@example.com\n")
    first, second = CliRunner().invoke(app, command), CliRunner().invoke(app, command)
    assert "2 rows: 2 created, 0 updated, 0 unchanged, 0 failed" in first.output
    assert "2 rows: 0 created, 0 updated, 2 unchanged, 0 failed" in second.output


def test_the_demo_plays_and_tells_what_became_of_it(stack: Stack, tmp_path: Path) -> None:
    out = Console(record=True, width=160, file=io.StringIO())
    play(stack.env, tmp_path, out, anonymous=10)
    told = out.export_text()
    assert "contacts: customer" in told
    assert "forged signature: stayed anonymous" in told
    assert "both are as before" in told
    assert "answers “gone”" in told
    assert "became a new contact" in told
    assert all(service in told for service in SERVICES)


def test_a_service_that_dies_comes_back(stack: Stack) -> None:
    _kill_and_await(stack, "ingest")
    _eventually(lambda: _accepts(stack), "an event accepted by the new process")


def test_servers_that_die_come_back_and_the_services_go_on(stack: Stack) -> None:
    _kill_and_await(stack, "postgres")
    _kill_and_await(stack, "kafka")
    _eventually(lambda: _accepts(stack), "an event accepted after the servers were killed")
    assert all(stack.pid(name) for name in SERVICES)


def test_starting_what_is_up_changes_nothing(stack: Stack) -> None:
    before, env = stack.status(), stack.env
    stack.start()
    assert stack.status() == before
    assert stack.env == env


def test_status_tells_whether_all_run(stack: Stack, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["status", "--directory", str(stack.layout.directory)])
    assert shown.exit_code == 0, shown.output
    assert all(service in shown.output for service in SERVICES)
    assert CliRunner().invoke(app, ["status", "--directory", str(tmp_path)]).exit_code == 1


def test_a_killed_supervisor_is_succeeded_and_a_stop_leaves_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    own = Stack(tmp_path_factory.mktemp("own"))
    own.start()
    orphans = own.status()
    supervisor = own.pid("supervisor")
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    _eventually(lambda: own.pid("supervisor") is None, "the supervisor's end")

    own.start()
    assert not any(started_at(pid) for pid in orphans.values() if pid)
    successors = own.status()
    assert None not in successors.values()

    assert own.stop()
    assert not any(started_at(pid) for pid in successors.values() if pid)
    left = sorted(path.name for path in (own.layout.directory / "run").iterdir())
    assert left == ["supervisor.lock"]
    assert own.env == {}
    assert not own.stop()


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
LISTEN = "0A"


def _listening(pid: int) -> set[str]:
    """Addresses, as the kernel writes them, of the sockets this process listens on."""
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = descriptor.readlink().name
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            held.add(target[8:-1])
    lines = []
    for table in ("tcp", "tcp6"):
        lines += Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return {f[1].split(":")[0] for f in fields if f[3] == LISTEN and f[9] in held}


def _kill_and_await(stack: Stack, name: str) -> None:
    before = stack.pid(name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    _eventually(lambda: stack.pid(name) not in (None, before), f"a new {name}")


def _accepts(stack: Stack) -> bool:
    event = {
        "event_id": f"heal-{time.monotonic_ns()}",
        "type": "page_viewed",
        "occurred_at": "2026-01-01T00:00:00Z",
        "channel": "widget",
        "session_id": "heal",
        "page": {"url": "https://shop.example.com/"},
    }
    headers = {"Authorization": f"Bearer {stack.env['KITH_DEMO_API_KEY']}"}
    try:
        answer = httpx.post(
            f"{stack.env['KITH_INGEST_URL']}/v1/events", json=event, headers=headers, timeout=5
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.ACCEPTED and answer.json()["accepted"] == 1


def _eventually(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"never seen: {what}")
        time.sleep(0.1)
