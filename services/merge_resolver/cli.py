"""`kith resolve` and `kith normalise`: the pure function and the normalisers, on anybody's data."""

import gc
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from contact_schema.values import email_key, is_blocked, phone_key, whatsapp_key
from merge_resolver.domain import Rules, resolve
from merge_resolver.neutral_events import Normaliser, Translation, WrongEventError, answer

KINDS = ("email", "phone", "whatsapp")
_UNREADABLE = 2


def resolve_command(
    file: str = typer.Argument(help="A JSON file of neutral events, or - for standard input."),
    normalise: bool = typer.Option(False, "--normalise", help="Values are as given, not keys."),
    region: str = typer.Option("", "--region", help="Region of phone numbers without +."),
) -> None:
    """Print the contacts that these events make."""
    # Millions of objects live until the end: looking for rubbish among them takes most of the time.
    gc.disable()
    try:
        events = _events(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
        translation = Translation(
            _given_up(events), _normaliser(region) if normalise else _as_it_stands
        )
    except (OSError, WrongEventError) as error:
        typer.echo(f"kith resolve: {error}", err=True)
        raise typer.Exit(_UNREADABLE) from None
    contacts = resolve(translation.facts, Rules())
    for piece in answer(contacts, translation):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _events(text: bytes) -> list[dict[str, Any]]:
    try:
        document = json.loads(text)
    except ValueError:
        raise WrongEventError("the file is not JSON") from None
    events = document.get("events") if isinstance(document, dict) else document
    if not isinstance(events, list):
        raise WrongEventError('the file has no list "events"')
    return events


def _given_up(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One after the other, none kept: as facts they take the memory that they had as events."""
    events.reverse()
    while events:
        yield events.pop()


def _as_it_stands(_kind: str, value: str) -> str | None:
    return value


def _normaliser(region: str) -> Normaliser:
    def normalise(kind: str, value: str) -> str | None:
        if kind in KINDS:
            return key_of(kind, value, region or None)
        return value

    return normalise


def normalise_command(
    kind: str = typer.Argument(help="email, phone or whatsapp."),
    value: str = typer.Argument(help="A value, or - for one a line (tab, then region, may follow)"),
    region: str = typer.Option("", "--region", help="Region of phone numbers without +."),
) -> None:
    """Print the key by which a value links, or nothing where it must not link."""
    if kind not in KINDS:
        typer.echo(f"kith normalise: the kind is one of {', '.join(KINDS)}", err=True)
        raise typer.Exit(_UNREADABLE)
    if value == "-":
        for line in sys.stdin:
            given, _, own = line.rstrip("\r\n").partition("\t")
            typer.echo(key_of(kind, given, own.strip() or region or None) or "")
        return
    key = key_of(kind, value, region or None)
    if key is None:
        raise typer.Exit(1)
    typer.echo(key)


def key_of(kind: str, value: str, region: str | None) -> str | None:
    keys: dict[str, Callable[[], str | None]] = {
        "email": lambda: email_key(value),
        "phone": lambda: phone_key(value, region),
        "whatsapp": lambda: whatsapp_key(value),
    }
    key = keys[kind]()
    if key is None or is_blocked("phone" if kind == "whatsapp" else kind, key):
        return None
    return key
