"""The message of the kit's tests: it knows no word of contacts."""

from typing import ClassVar

from contact_schema.envelope import Message


class Noted(Message):
    TOPIC: ClassVar[str] = "contacts.notes.v1"

    number: int
    text: str = ""


def unique(topic: str) -> type[Noted]:
    """The same message on a topic of its own, so that tests do not read each other."""

    class Own(Noted):
        TOPIC: ClassVar[str] = topic

    Own.__name__ = "Noted"
    return Own
