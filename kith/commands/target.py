"""The stack that a command is about, and the screen it prints on."""

import os
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from kith.stack import Stack

Directory = Annotated[Path, typer.Option("--directory", help="Where this stack keeps its data.")]
out = Console(highlight=False)


def target(directory: Path) -> dict[str, str]:
    """Where the stack is: what the environment says, else its stack.env."""
    given = {name: value for name, value in os.environ.items() if name.startswith("KITH_")}
    return {**Stack(directory).env, **given}


def needed(directory: Path, name: str) -> str:
    """One entry of it; without it the command ends."""
    value = target(directory).get(name)
    if not value:
        out.print(f"{name} is not set and no stack is running here.")
        raise typer.Exit(2)
    return value


def said(error: httpx.HTTPError) -> str:
    """What went wrong with a call, in a line."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.text[:500]}"
    return str(error) or type(error).__name__
