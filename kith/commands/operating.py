"""Schemas, topics, the first workspace and refills, on any broker and database."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from kith.commands.target import Directory, needed, out
from kith.stack import LOCAL, SERVICES, Stack, configuration, demo_agents, envfile, provisioning


def migrate(
    topics: Annotated[bool, typer.Option("--topics", help="Create missing topics too.")] = False,
    passfile: Annotated[
        Path | None, typer.Option(help="Write the services' database passwords to this file.")
    ] = None,
    directory: Directory = LOCAL,
) -> None:
    """Bring roles, schemas and tables of all services to the newest state."""
    dsn = needed(directory, "KITH_POSTGRES_DSN")
    secret = (
        os.environ.get("KITH_SECRET") or configuration.saved(Stack(directory).layout).keys.secret
    )
    provisioning.migrate_database(dsn, secret)
    out.print(f"{len(SERVICES)} schemas are at head.")
    if topics:
        create_topics(directory)
    if passfile is not None:
        provisioning.write_passwords(passfile, dsn, secret)


def topics_command(context: typer.Context, directory: Directory = LOCAL) -> None:
    """Create the topics of deploy/topics.yaml that are missing."""
    if context.invoked_subcommand is None:
        create_topics(directory)


def grow(directory: Directory = LOCAL) -> None:
    """Give running topics the partitions that deploy/topics.yaml has; then restart all services."""
    bootstrap = needed(directory, "KITH_KAFKA_BOOTSTRAP")
    grown = provisioning.grow_topics(bootstrap, needed(directory, "KITH_POSTGRES_DSN"))
    for name in grown:
        out.print(f"{name} has grown.")
    out.print("Restart the services." if grown else "All topics have their partitions.")


def restore(
    services: Annotated[list[str], typer.Argument(help="Whose schemas were put back.")],
    directory: Directory = LOCAL,
) -> None:
    """After a backup was put back and before these services start: lift numbers, read again."""
    unknown = [service for service in services if service not in SERVICES]
    if unknown:
        out.print(f"{', '.join(unknown)}: none of {', '.join(SERVICES)}.")
        raise typer.Exit(2)
    bootstrap = needed(directory, "KITH_KAFKA_BOOTSTRAP")
    for service in services:
        done = provisioning.restore(bootstrap, needed(directory, "KITH_POSTGRES_DSN"), service)
        lost = "no number" if done.hole is None else f"numbers {done.hole[0]} to {done.hole[1]}"
        out.print(f"{service}: {lost} left out, {len(done.groups)} streams read again.")


def create_topics(directory: Path) -> None:
    provisioning.create_topics(needed(directory, "KITH_KAFKA_BOOTSTRAP"))
    out.print("All topics are there.")


def workspace(directory: Directory = LOCAL) -> None:
    """Make the demo agents on a running Kith, and write their keys to stack.env."""
    stack = Stack(directory)
    token = needed(directory, "KITH_SERVICE_TOKEN")
    keys = replace(configuration.load(stack.layout, fixed_ports=True).keys, service_token=token)
    addresses = envfile.Addresses(
        api=needed(directory, "KITH_API_URL"),
        ingest=needed(directory, "KITH_INGEST_URL"),
        crm=needed(directory, "KITH_CRM_URL"),
        kafka=needed(directory, "KITH_KAFKA_BOOTSTRAP"),
        postgres=needed(directory, "KITH_POSTGRES_DSN"),
    )
    inside = os.environ.get("KITH_CONTACTS_API_URL", addresses.api)
    agents = demo_agents.provision(keys, inside, needed(directory, "KITH_IDENTITY_VERIFY_URL"))
    envfile.write(stack.layout.env_file, envfile.entries(addresses, keys, agents))
    out.print(f"Keys and login: {stack.layout.env_file}")


def refill(
    service: Annotated[str, typer.Argument(help="The service that wrote them, like `ingest`.")],
    first: Annotated[int, typer.Option("--from", min=1, help="Sequence to begin with.")],
    directory: Directory = LOCAL,
) -> None:
    """Send what a service has written again, from a sequence to the end; repeats are dropped."""
    if service not in SERVICES:
        out.print(f"{service} is none of {', '.join(SERVICES)}.")
        raise typer.Exit(2)
    mark = provisioning.refill(needed(directory, "KITH_POSTGRES_DSN"), service, first)
    if mark is None:
        out.print(f"{service} has written nothing that is still kept.")
    else:
        out.print(f"The relay of {service} sends again from {mark + 1}.")
