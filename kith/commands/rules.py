"""What a change of the rules would do to the contacts that there are."""

import json
from typing import Annotated, Any

import httpx
import typer

from kith.commands.target import Directory, needed, out, said, target
from kith.stack import LOCAL, Stack, configuration

Json = dict[str, Any]


def diff(
    change: Annotated[
        list[str], typer.Option("--set", help="POLICY=VALUE, like typed_email=suggest; repeatable.")
    ],
    agent: Annotated[str, typer.Option(help="The agent; the demo one unless said.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as it came.")] = False,
    directory: Directory = LOCAL,
) -> None:
    """Say what other policies would merge and split, before anybody sets them."""
    body = {
        "agent": agent or needed(directory, "KITH_DEMO_AGENT_ID"),
        "policies": dict(_policy(one) for one in change),
    }
    url, token = door(directory)
    try:
        answer = httpx.post(
            f"{url}/internal/v1/previews/policies",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=600,
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        out.print(f"kith rules diff: {said(error)}")
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(answer.text)
        return
    for line in sentences(answer.json()):
        out.print(line)


def _policy(given: str) -> tuple[str, Any]:
    """The value is JSON where it can be, else a text."""
    name, equals, value = given.partition("=")
    if not equals:
        raise typer.BadParameter("must be POLICY=VALUE", param_hint="--set")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def door(directory: Any) -> tuple[str, str]:
    """Where the resolver listens to this installation, and its token."""
    given = target(directory)
    url, token = given.get("KITH_MERGE_RESOLVER_URL"), given.get("KITH_SERVICE_TOKEN")
    if url and token:
        return url, token
    layout = Stack(directory).layout
    if not layout.configuration_file.exists():
        needed(directory, "KITH_MERGE_RESOLVER_URL")
    kept = configuration.saved(layout)
    return url or kept.url("merge_resolver"), token or kept.keys.service_token


def sentences(found: Json) -> list[str]:
    lines = [
        f"{found['contacts_now']} contacts now, {found['contacts_then']} then: "
        f"{found['merges']} merges, {found['splits']} splits, {found['changed']} look different."
    ]
    lines += [f"  would merge: {' + '.join(ids)}" for ids in found["merged_examples"]]
    lines += [
        f"  would split: {first} into {', '.join(parts)}"
        for first, *parts in found["split_examples"]
    ]
    return lines
