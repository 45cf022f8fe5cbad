"""Starting, stopping and watching a stack; playing the demo on it."""

import subprocess
from typing import Annotated

import httpx
import typer

from kith.commands.target import Directory, out, said
from kith.stack import LOCAL, SERVICES, Stack, StackDidNotStart, configuration
from kith.stack.java import JavaIsMissing


def up(directory: Directory = LOCAL) -> None:
    """Start broker, database and services, each as a process of its own."""
    stack = Stack(directory, fixed_ports=True)
    start(stack)
    show_doors(stack)


def down(directory: Directory = LOCAL) -> None:
    """Stop the services, then database and broker. The data stay."""
    with out.status("stopping"):
        was_running = Stack(directory).stop()
    out.print("Stopped." if was_running else "Nothing was running.")


def status(directory: Directory = LOCAL) -> None:
    """Show each part with its process id and whether it is ready. Exit 1 if one is not running."""
    stack = Stack(directory)
    parts = stack.status()
    for name, pid in parts.items():
        out.print(f"{name:16} {pid or '-':>8}  {_readiness(stack, name) if pid else 'not running'}")
    if not parts or None in parts.values():
        raise typer.Exit(1)


def logs(
    names: Annotated[
        list[str] | None, typer.Argument(help="Parts to show; all of them by default.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines are written.")
    ] = False,
    directory: Directory = LOCAL,
) -> None:
    """Show the last lines of the parts' logs."""
    layout = Stack(directory).layout
    files = (
        [layout.log(name) for name in names]
        if names
        else sorted((directory / "logs").glob("*.log"))
    )
    missing = [file.stem for file in files if not file.exists()]
    if missing or not files:
        out.print(
            f"No log of {', '.join(missing)}."
            if missing
            else "No logs yet: `kith up` starts the stack."
        )
        raise typer.Exit(1)
    command = ["tail", "-n", "40", *(["-F"] if follow else []), *map(str, files)]
    raise typer.Exit(subprocess.run(command).returncode)


def demo(directory: Directory = LOCAL) -> None:
    """Play a day of a shop on the stack, and show what became of it."""
    from kith.demo.play import play
    from kith.demo.shop import DemoFailed

    stack = Stack(directory, fixed_ports=True)
    start(stack)
    try:
        play(stack.env, stack.layout.directory / "demo", out)
    except (DemoFailed, httpx.HTTPError) as error:
        reason = said(error) if isinstance(error, httpx.HTTPError) else str(error)
        out.print(f"The demo stopped: {reason}", markup=False)
        raise typer.Exit(1) from error
    out.print()
    show_doors(stack)


def start(stack: Stack) -> None:
    """Bring the stack up, telling on the screen what it waits for."""
    try:
        with out.status("starting") as shown:
            stack.start(progress=lambda phase: shown.update(f"starting: {phase}"))
    except (StackDidNotStart, JavaIsMissing) as error:
        out.print(str(error), markup=False)
        raise typer.Exit(1) from error


def show_doors(stack: Stack) -> None:
    env = stack.env
    out.print(f"Kith is up. Dashboard: {env['KITH_DASHBOARD_URL']}")
    out.print(f"Sign in as {env['KITH_DASHBOARD_USER']} with {env['KITH_DASHBOARD_PASSWORD']}")
    out.print(f"API: {env['KITH_API_URL']}/docs   Events: {env['KITH_INGEST_URL']}/docs")
    out.print(f"Keys: {stack.layout.env_file}")


def _readiness(stack: Stack, name: str) -> str:
    if name not in SERVICES:
        return "running"
    try:
        answer = httpx.get(f"{configuration.saved(stack.layout).url(name)}/readyz", timeout=3)
    except httpx.HTTPError:
        return "no answer"
    return "ready" if answer.is_success else f"not ready: {answer.text[:200]}"
