"""The stand-in on a free loopback port, as outside clients meet it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn

from kith.standins.hubspot.app import StandIn, create_app


@dataclass
class Running:
    url: str
    standin: StandIn


@pytest.fixture
def hubspot() -> Iterator[Running]:
    app = create_app()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Running(f"http://127.0.0.1:{port}", app.state.standin)
    server.should_exit = True
    thread.join(10)
