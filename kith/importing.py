"""`kith import FILE`: contacts from a CSV, JSON or NDJSON file, over the batch call."""

import csv
import hashlib
import itertools
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

CORE = ("external_id", "name", "email", "phone", "company", "audience", "tags")
# How people head these columns; everything else becomes a custom attribute under its own name.
SPELLINGS = {
    "external_id": "external_id",
    "externalid": "external_id",
    "user_id": "external_id",
    "id": "external_id",
    "name": "name",
    "full_name": "name",
    "email": "email",
    "e_mail": "email",
    "email_address": "email",
    "phone": "phone",
    "phone_number": "phone",
    "mobile": "phone",
    "company": "company",
    "company_name": "company",
    "audience": "audience",
    "tags": "tags",
}
BATCH = 500
PATIENCE_SECONDS = 60.0
PAUSES = (1.0, 3.0, 10.0)
PASSING = (409, 429, 502, 503, 504)  # busy, or the same batch is still running
FORMATS = {".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}


class NotImportable(ValueError):
    """The file cannot be read as what its name says."""


@dataclass
class Row:
    """A contact as the API takes it, and its line in the file (in JSON its number in the list)."""

    line: int
    contact: dict[str, Any] | None
    problem: str = ""


@dataclass
class Outcome:
    """Counts that add up to the rows of the file, and each failure as (line, reason)."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    unsettled: int = 0
    """Kept for certain, and not yet seen to be created or updated."""
    failures: list[tuple[int, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        settled = self.created + self.updated + self.unchanged
        return settled + self.unsettled + len(self.failures)


def read(file: Path, format: str | None = None) -> Iterator[Row]:
    """The rows of a file, one at a time. Raises NotImportable where no further can be made out."""
    kind = format or FORMATS.get(file.suffix.lower())
    if kind == "csv":
        return _read_csv(file)
    if kind == "ndjson":
        return _read_ndjson(file)
    if kind == "json":
        return _read_json(file)
    raise NotImportable(f"{file.name} is neither .csv, .json nor .ndjson: say which with --format.")


def send(rows: Iterable[Row], client: httpx.Client) -> Iterator[Outcome]:
    """Send rows in batches, yielding the outcome so far after each.

    Sent again the same rows change nothing: one with an external id is known by it, and a batch of
    those without one goes under a key that is made of what is in it. Raises httpx.HTTPStatusError
    where a whole batch is refused.
    """
    outcome = Outcome()
    source = iter(rows)
    while chunk := list(itertools.islice(source, BATCH)):
        outcome.failures += [(row.line, row.problem) for row in chunk if row.contact is None]
        named: list[Row] = []
        nameless: list[Row] = []
        for row in chunk:
            if row.contact is not None:
                (named if row.contact.get("external_id") else nameless).append(row)
        if named:
            _send_batch(named, client, uuid.uuid4().hex, outcome)
        if nameless:
            _send_batch(nameless, client, "", outcome)
        yield outcome


def _send_batch(rows: list[Row], client: httpx.Client, run: str, outcome: Outcome) -> None:
    body = json.dumps({"contacts": [row.contact for row in rows]}).encode()
    key = hashlib.sha256(run.encode() + b"\0" + body).hexdigest()
    answer, repeated = _post(client, body, key)
    for result in answer["results"]:
        status, problem = result["status"], result.get("problem") or {}
        if status == "pending":
            status, problem = _follow(client, result["status_url"])
        if status == "failed":
            line = rows[result["index"]].line
            outcome.failures.append((line, _reason(problem)))
        else:
            status = "unchanged" if repeated and status != "unsettled" else status
            setattr(outcome, status, getattr(outcome, status) + 1)


def _post(client: httpx.Client, body: bytes, key: str) -> tuple[dict[str, Any], bool]:
    """One batch; again with the same key where nobody knows whether it arrived. The answer, and
    whether it is that of an earlier run.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    for attempt, pause in enumerate((*PAUSES, None)):
        try:
            answer = client.post("/v1/contacts/batch", content=body, headers=headers)
        except httpx.TransportError:
            if pause is None:
                raise
        else:
            if answer.status_code not in PASSING or pause is None:
                repeated = "Idempotency-Replayed" in answer.headers and not attempt
                return dict(answer.raise_for_status().json()), repeated
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _follow(client: httpx.Client, url: str) -> tuple[str, dict[str, Any]]:
    """What became of a row that was kept but not yet visible."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = client.get(url)
        except httpx.TransportError:
            time.sleep(1)  # the door is being restarted; the row is safe
            continue
        if answer.is_success and answer.status_code != httpx.codes.ACCEPTED:
            return answer.headers.get("Kith-Outcome", "updated"), {}
        if answer.status_code != httpx.codes.ACCEPTED and answer.status_code not in PASSING:
            return "failed", answer.json()
        time.sleep(0.2)
    return "unsettled", {}


def _reason(problem: dict[str, Any]) -> str:
    errors = [
        f"{error.get('field', '')}: {error.get('detail', '')}"
        for error in problem.get("errors", [])
    ]
    return "; ".join(errors) or str(problem.get("detail") or problem.get("code") or "refused")


def _read_csv(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        try:
            delimiter = _delimiter(text.read(8192))
            text.seek(0)
            yield from _csv_rows(text, delimiter)
        except UnicodeDecodeError as error:
            raise NotImportable(f"{file.name} is not UTF-8.") from error
        except csv.Error as error:
            raise NotImportable(f"{file.name} is not CSV: {error}.") from error


def _csv_rows(text: Iterable[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header = next(reader, None)
    if header is None:
        return
    # A quoted field may hold line breaks: a row starts where the one before it ended.
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            yield _from_cells(line, header, cells)
        line = reader.line_num + 1


def _delimiter(beginning: str) -> str:
    """Comma, semicolon or tab, whichever the first line holds most of."""
    first = beginning.splitlines()[0] if beginning else ""
    return max(",;\t", key=first.count)


def _from_cells(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) > len(header):
        return Row(line, None, f"{len(cells)} cells under {len(header)} headings")
    filled = {
        name.strip(): cell.strip()
        for name, cell in zip(header, cells, strict=False)
        if cell.strip()
    }
    return Row(line, _contact(filled))


def _read_ndjson(file: Path) -> Iterator[Row]:
    with file.open("rb") as lines:
        for number, text in enumerate(lines, start=1):
            if text.strip():
                yield _from_json(number, text)


def _from_json(number: int, text: bytes) -> Row:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Row(number, None, "not JSON")
    return _from_value(number, value)


def _from_value(number: int, value: Any) -> Row:
    if not isinstance(value, dict):
        return Row(number, None, "not an object")
    return Row(number, _contact(value))


def _read_json(file: Path) -> Iterator[Row]:
    try:
        value = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise NotImportable(f"{file.name} is not JSON.") from error
    items = value.get("contacts") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise NotImportable(f"{file.name} holds no list of contacts.")
    yield from (_from_value(number, item) for number, item in enumerate(items, start=1))


def _contact(fields: dict[str, Any]) -> dict[str, Any]:
    contact: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in fields.items():
        column = SPELLINGS.get(name.lower().replace(" ", "_").replace("-", "_"))
        if name in ("custom_attributes", "stripe_accounts"):
            contact[name] = value
        elif column is None or column in contact:
            attributes[name] = value
        else:
            contact[column] = _tags(value) if column == "tags" else value
    if attributes:
        given = contact.get("custom_attributes")
        contact["custom_attributes"] = {**(given if isinstance(given, dict) else {}), **attributes}
    return contact


def _tags(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [tag.strip() for tag in value.replace(";", ",").split(",") if tag.strip()]
