"""`kith import FILE`."""

from pathlib import Path
from typing import Annotated

import httpx
import typer

from kith import importing
from kith.commands.target import Directory, out, said, target
from kith.stack import LOCAL


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON or NDJSON.")],
    format: Annotated[
        str | None, typer.Option(help="csv, json or ndjson, where the name does not tell.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Address of the API; that of the local stack by default.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="API key with contacts:write; the demo agent's by default.")
    ] = None,
    directory: Directory = LOCAL,
) -> None:
    """Create or update contacts from a file; safe to repeat. Exit 1 if a row failed."""
    env = target(directory)
    address, token = url or env.get("KITH_API_URL"), key or env.get("KITH_DEMO_API_KEY")
    if not address or not token:
        out.print(
            "No stack is running here: `kith up` starts one, or name one with --url and --key."
        )
        raise typer.Exit(2)
    outcome = importing.Outcome()
    try:
        with (
            httpx.Client(
                base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60
            ) as client,
            out.status("reading") as shown,
        ):
            for outcome in importing.send(importing.read(file, format), client):
                shown.update(f"{outcome.total} rows")
    except importing.NotImportable as error:
        out.print(str(error))
        raise typer.Exit(2) from error
    except httpx.HTTPError as error:
        out.print(f"The API did not take the rows: {said(error)}")
        raise typer.Exit(2) from error
    finally:
        for line, reason in outcome.failures:
            out.print(f"line {line}: {reason}", markup=False)
        counts = (
            f"{outcome.created} created, {outcome.updated} updated, {outcome.unchanged} unchanged"
        )
        counts += f", {len(outcome.failures)} failed"
        counts += f", {outcome.unsettled} not settled yet" if outcome.unsettled else ""
        out.print(f"{outcome.total} rows: {counts}")
    if outcome.failures:
        raise typer.Exit(1)
