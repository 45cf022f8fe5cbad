"""The kit's own word on the wire: somebody missed messages of a producer."""

from typing import ClassVar

from contact_schema.envelope import Message


class RefillRequested(Message):
    """A gap was seen: the producer's relay is to send again from there, to the end."""

    TOPIC: ClassVar[str] = "contacts.refills.v1"

    space: str = ""
    producer: str
    topic: str
    partition: int
    from_sequence: int
    """First sequence that may be missing."""

    @property
    def key(self) -> str:
        return self.producer
