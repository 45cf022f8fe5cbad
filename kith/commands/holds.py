"""What is held back from CRM and webhooks until somebody has looked, and its release."""

from typing import Annotated, Any

import httpx
import typer

from kith.commands.rules import door
from kith.commands.target import Directory, out, said
from kith.stack import LOCAL


def list_holds(directory: Directory = LOCAL) -> None:
    """Print what is held, the oldest first."""
    held = _call("GET", "holds", directory)["data"]
    for one in held:
        of = f" by {one['fact']}" if one["fact"] else ""
        out.print(f"{one['hold']}  {one['held_at']}  {one['reason']}  {one['contacts']}{of}")
    if not held:
        out.print("Nothing is held.")


def release(
    hold: Annotated[str, typer.Argument(help="Its id, as `kith holds list` prints it.")],
    directory: Directory = LOCAL,
) -> None:
    """Tell CRM and webhooks of it as it is now."""
    released = _call("POST", f"holds/{hold}/release", directory)["released"]
    out.print("Released." if released else "It was released before.")


def _call(method: str, path: str, directory: Any) -> dict[str, Any]:
    url, token = door(directory)
    try:
        answer = httpx.request(
            method,
            f"{url}/internal/v1/{path}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        out.print(f"kith holds: {said(error)}")
        raise typer.Exit(1) from None
    return dict(answer.json())
