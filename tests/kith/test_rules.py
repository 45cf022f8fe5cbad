"""`kith rules diff`: the change as asked for, and the answer in sentences."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from kith.main import make

ANSWER = {
    "space": "space_1",
    "contacts_now": 3,
    "contacts_then": 4,
    "merges": 0,
    "splits": 1,
    "changed": 0,
    "merged_examples": [],
    "split_examples": [["contact_a", "contact_a", "contact_b"]],
}


class Door(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.headers["Authorization"], json.loads(body)))
        answer = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Door]]:
    class Own(Door):
        asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    server = HTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("KITH_MERGE_RESOLVER_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("KITH_SERVICE_TOKEN", "a token")
    yield Own
    server.shutdown()
    server.server_close()
    thread.join()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(make(), ["rules", "diff", *arguments])


def test_a_change_is_tried_and_told_in_sentences(door: type[Door]) -> None:
    values = ["--set", "typed_email=suggest", "--set", 'blocked_values=["x@example.com"]']
    result = run("--agent", "agent_1", *values)
    assert result.exit_code == 0
    assert "3 contacts now, 4 then: 0 merges, 1 splits" in result.output
    assert "contact_a into contact_a, contact_b" in result.output
    policies = {"typed_email": "suggest", "blocked_values": ["x@example.com"]}
    assert door.asked == [("Bearer a token", {"agent": "agent_1", "policies": policies})]


def test_what_is_no_change_is_refused() -> None:
    assert run("--agent", "agent_1", "--set", "typed_email").exit_code == 2
