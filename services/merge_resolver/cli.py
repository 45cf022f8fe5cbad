"""`kith resolve` and `kith normalise`: the pure function and the normalisers, on anybody's data."""

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import orjson
import typer
from phonenumbers import SUPPORTED_REGIONS

from contact_schema.values import email_key, is_blocked, phone_key, whatsapp_key
from merge_resolver.domain import Rules, resolve
from merge_resolver.neutral_events import Normaliser, Translation, answer
from merge_resolver.neutral_shapes import WrongEventError, events_of

KINDS = ("email", "phone", "whatsapp")
_UNREADABLE = 2


def resolve_command(
    file: str = typer.Argument(help="A JSON file of neutral events, or - for standard input."),
    normalise: bool = typer.Option(
        False,
        "--normalise",
        help="Bring e-mail and phone values to their keys first; else they are keys as they stand.",
    ),
    region: str = typer.Option(
        "", "--region", help="With --normalise: region of phone numbers without +, as DE."
    ),
) -> None:
    """Print the contacts that these events make.

    The file is {"events": [...]}, or the list alone. What somebody said:

    {"t": 1, "do": "observe", "conversation": "c1", "verified_user": "u1",
     "identifiers": [{"type": "email", "value": "ada@x.org", "trust": "typed"}],
     "profile": {"name": "Ada"}, "profile_trust": "typed"}

    t is any whole number; only t and conversation must be there. Types are
    browser, email, phone, external, channel, name; trust is typed, asserted,
    proven; profile_trust is typed, channel, asserted, verified, operator.

    What was decided: merge {left, right, survivor},
    separate {sides: [{conversations, identifiers}]}, undo {event},
    logout or owner-changed {t, identifier}, erase {conversation},
    block {identifier}, revoke-verification {user, from, to}. An event may
    carry an "id", which undo names; else its position, from 0, is its id.

    For each contact: id; members, its conversations and identifiers; profile;
    said, what strangers said of it; why, the evidence that joined it; refused,
    evidence that was not followed, with the reason; suggestions. Beside them
    unlinked_identifiers, which belong to nobody. No order of events matters.

    Where events cannot be read, nothing is printed: standard error names each
    of them with line and field, and the exit status is 2.
    """
    _refuse_unknown(region, "resolve")
    # Millions of objects live until the end: looking for rubbish among them takes most of the time.
    gc.disable()
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        events = events_of(text)
        translation = Translation(events, _normaliser(region) if normalise else _as_it_stands)
        contacts = resolve(translation.facts, Rules())
        printed = _json(answer(contacts, translation))
    except (OSError, WrongEventError) as error:
        _refuse("resolve", str(error))
    except RecursionError:
        _refuse("resolve", "a profile is nested too deeply")
    sys.stdout.buffer.write(printed + b"\n")
    sys.stdout.buffer.flush()


def _json(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:
        # Numbers of more than 64 bits, and texts that are none: JSON can say both.
        return json.dumps(document).encode()


def _refuse(command: str, problems: str) -> NoReturn:
    for line in problems.splitlines():
        typer.echo(f"kith {command}: {line}", err=True)
    raise typer.Exit(_UNREADABLE)


def _refuse_unknown(region: str, command: str) -> None:
    if region and region.upper() not in SUPPORTED_REGIONS:
        _refuse(command, f"--region {region}: no such region; two letters, as DE")


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
        _refuse("normalise", f"the kind is one of {', '.join(KINDS)}")
    _refuse_unknown(region, "normalise")
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
