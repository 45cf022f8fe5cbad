"""JSON Schemas of all messages, for readers and writers in other languages.

Generated, never edited: ``python -m contact_schema.schemas`` writes them again beside this file.
"""

import json
from pathlib import Path
from typing import Final

from contact_schema.envelope import Message
from contact_schema.messages import MESSAGES

FOLDER: Final = Path(__file__).parent
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def file_name(message: type[Message]) -> str:
    """``<Message>.v<version>.json``, the name of its schema and of its golden sample."""
    return f"{message.__name__}.v{message.VERSION}.json"


def schema_text(message: type[Message]) -> str:
    """The schema of a message as its file holds it. Readers ignore fields that it does not name."""
    schema = {"$schema": DIALECT, "$comment": f"topic {message.TOPIC}"}
    return json.dumps(schema | message.model_json_schema(), ensure_ascii=False, indent=2) + "\n"


def write_all() -> None:
    """Write the schema of every message; one of an older version stays as it is."""
    for message in MESSAGES:
        (FOLDER / file_name(message)).write_text(schema_text(message), "utf-8")
