import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kith.stack import configuration, envfile, ports
from kith.stack.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_second_start_has_the_same_keys_and_ports(layout: Layout) -> None:
    first = configuration.load(layout, {}, fixed_ports=False)
    assert configuration.load(layout, {}, fixed_ports=False) == first
    assert configuration.saved(layout) == first


def test_a_port_that_somebody_took_is_given_up(layout: Layout, taken: int) -> None:
    first = configuration.load(layout, {}, fixed_ports=False)
    first.ports["ingest"] = taken
    configuration.save(layout, first)
    again = configuration.load(layout, {}, fixed_ports=False)
    assert again.ports["ingest"] != taken
    assert again.ports["contacts_api"] == first.ports["contacts_api"]


def test_no_two_parts_get_one_port(layout: Layout) -> None:
    chosen = configuration.load(layout, {}, fixed_ports=True).ports
    assert len(set(chosen.values())) == len(chosen)


def test_servers_given_from_outside_are_not_started(layout: Layout) -> None:
    given = {"KITH_KAFKA_BOOTSTRAP": "broker.example.com:9092"}
    loaded = configuration.load(layout, given, fixed_ports=False)
    assert loaded.outside == {"kafka": "broker.example.com:9092"}
    assert "kafka" not in loaded.ports
    assert "postgres" in loaded.ports


def test_a_shell_that_read_our_own_stack_env_gives_nothing_from_outside(layout: Layout) -> None:
    first = configuration.load(layout, {}, fixed_ports=False)
    own = {
        "KITH_KAFKA_BOOTSTRAP": f"127.0.0.1:{first.ports['kafka']}",
        "KITH_POSTGRES_DSN": f"postgresql://kith:x@127.0.0.1:{first.ports['postgres']}/postgres",
    }
    assert configuration.given_from_outside(own, layout) == {}
    assert configuration.load(layout, own, fixed_ports=False) == first


def test_keys_are_for_their_owner_only_and_in_no_repr(layout: Layout) -> None:
    loaded = configuration.load(layout, {}, fixed_ports=False)
    assert layout.configuration_file.stat().st_mode & 0o077 == 0
    assert loaded.keys.api not in repr(loaded)
    assert loaded.keys.secret not in repr(loaded)


def test_api_keys_have_the_promised_shape(layout: Layout) -> None:
    key = configuration.load(layout, {}, fixed_ports=False).keys.api
    assert key.startswith("ak_")
    assert len(key) == 46
    assert key[3:].isalnum()


def test_stack_env_reads_back_as_it_was_written(tmp_path: Path) -> None:
    values = {"KITH_A": "plain", "KITH_B": "with 'quotes' and $signs", "KITH_C": ""}
    file = tmp_path / "stack.env"
    envfile.write(file, values)
    assert envfile.read(file) == values
    assert file.stat().st_mode & 0o077 == 0
    assert envfile.read(tmp_path / "none.env") == {}


def test_a_free_port_is_free() -> None:
    assert all(ports.is_free(port) for port in ports.free_ports(3))
