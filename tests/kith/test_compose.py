"""The compose file against what the services need, read by a parser."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kith.stack import postgres
from kith.stack.configuration import SERVICES

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "KITH_KAFKA_BOOTSTRAP",
    "KITH_SERVICE_POSTGRES_DSN",
    "KITH_SECRET",
    "KITH_SERVICE_TOKEN",
    "PGPASSFILE",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_image_its_settings_and_its_own_role(
    compose: dict[str, Any], service: str
) -> None:
    part = compose["services"][service.replace("_", "-")]
    assert part["build"]["args"] == {"SERVICE": service}
    assert part["build"]["dockerfile"] == "deploy/Dockerfile"
    assert set(part["environment"]) >= NEEDED
    assert f"//kith_{service}@" in part["environment"]["KITH_SERVICE_POSTGRES_DSN"]


@pytest.mark.parametrize("service", SERVICES)
def test_services_wait_for_migrations_and_get_time_to_end(
    compose: dict[str, Any], service: str
) -> None:
    part = compose["services"][service.replace("_", "-")]
    assert part["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert part["stop_grace_period"] == "40s"


def test_nothing_is_reachable_from_other_machines(compose: dict[str, Any]) -> None:
    published = [port for part in compose["services"].values() for port in part.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_the_doors_are_published(compose: dict[str, Any]) -> None:
    for door in ("ingest", "contacts-api", "crm-sync"):
        assert compose["services"][door]["ports"], door


def test_broker_and_database_are_the_published_images(compose: dict[str, Any]) -> None:
    assert compose["services"]["kafka"]["image"] == "apache/kafka:4.3.1"
    assert compose["services"]["postgres"]["image"] == "postgres:18"


def test_broker_settings_are_those_of_the_local_broker(compose: dict[str, Any]) -> None:
    given = compose["services"]["kafka"]["environment"]
    for name in (
        "auto.create.topics.enable",
        "log.message.timestamp.type",
        "group.initial.rebalance.delay.ms",
        "offsets.topic.replication.factor",
    ):
        variable = "KAFKA_" + name.upper().replace(".", "_")
        assert given[variable] == _local_broker()[name]


def test_the_database_reads_the_local_databases_settings(compose: dict[str, Any]) -> None:
    part = compose["services"]["postgres"]
    assert "./deploy/local/postgresql.conf:/etc/postgresql/kith.conf:ro" in part["volumes"]
    assert "config_file=/etc/postgresql/kith.conf" in part["command"]
    assert {"fsync=on", "synchronous_commit=on"} <= set(postgres.settings())


def test_migrations_run_once_after_the_servers_answer(compose: dict[str, Any]) -> None:
    part = compose["services"]["migrate"]
    assert part["restart"] == "no"
    assert {each["condition"] for each in part["depends_on"].values()} == {"service_healthy"}
    for server in part["depends_on"]:
        assert compose["services"][server]["healthcheck"]["test"]


def test_every_volume_and_dependency_is_declared(compose: dict[str, Any]) -> None:
    for part in compose["services"].values():
        assert set(part.get("depends_on", {})) <= set(compose["services"])
        named = {str(volume).split(":")[0] for volume in part.get("volumes", [])}
        assert {name for name in named if not name.startswith(".")} <= set(compose["volumes"])


def test_every_file_the_image_copies_is_there() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    for line in dockerfile.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                for service in SERVICES if "${SERVICE}" in source else ("",):
                    assert (ROOT / source.replace("${SERVICE}", service)).exists(), source


def _local_broker() -> dict[str, str]:
    lines = (ROOT / "deploy" / "local" / "kafka.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
