"""The running stack, once for all stories: real broker, real database, six processes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kith.stack import Stack
from tests.e2e.attacks import Attack, Victim
from tests.e2e.visitors import Doors, unique, unique_phone


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own; while stories are written, the one that runs in KITH_E2E_STACK."""
    if running := os.environ.get("KITH_E2E_STACK"):
        yield Stack(Path(running))
        return
    # Looks every second, and a killed member of a group does not linger: so the stories of the
    # operations page end sooner. No probe between.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KITH_WATCH_SECONDS", "1")
        environment.setenv("KITH_PROBE_SECONDS", "0")
        environment.setenv("KITH_SESSION_TIMEOUT_MS", "10000")
        with Stack(tmp_path_factory.mktemp("stack")) as own:
            yield own


@pytest.fixture(scope="package")
def doors(stack: Stack) -> Iterator[Doors]:
    with Doors.open(stack.env) as doors:
        yield doors


@pytest.fixture(scope="package")
def second_agent(stack: Stack) -> Iterator[Doors]:
    """Another agent, in a space of its own."""
    env = stack.env
    with Doors.open(
        {
            **env,
            "KITH_DEMO_API_KEY": env["KITH_SECOND_API_KEY"],
            "KITH_DEMO_WIDGET_KEY": env["KITH_SECOND_WIDGET_KEY"],
            "KITH_DEMO_AGENT_ID": env["KITH_SECOND_AGENT_ID"],
        }
    ) as doors:
        yield doors


@pytest.fixture
def attack(stack: Stack, doors: Doors) -> Attack:
    user, email, phone = unique("victim"), f"{unique('victoria')}@example.com", unique_phone()
    contact = doors.create(
        external_id=user,
        email=email,
        phone=phone,
        name="Victoria Secretive",
        custom_attributes={"pet": "Rex"},
    )
    victim = Victim(user, email, phone, contact["id"])
    return Attack(doors, stack.env["KITH_DEMO_AGENT_ID"], victim)
