"""What every message has in common: a frozen pydantic model that knows its topic, its key and its
version.

Headers (who, when, why) are stamped by whatever moves the message; a message says only what
happened.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Final, get_args

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class PersonalMark:
    """Marks a type whose values may name, describe or be written by a person, or are secret."""


PERSONAL: Final = PersonalMark()

Personal = Annotated[str, PERSONAL]
"""A string that may name, describe or be written by a person. Never logged, never in a header, key
or metric.
"""


def is_personal(field: FieldInfo) -> bool:
    """Whether the field, or a part of its type such as one side of a union, is marked."""
    return PERSONAL in field.metadata or _is_marked(field.annotation)


def _is_marked(annotation: Any) -> bool:
    return annotation is PERSONAL or any(_is_marked(part) for part in get_args(annotation))


class Value(BaseModel):
    """A part of a message. Unknown fields are ignored, so that a writer may be newer than its
    reader.

    Its ``repr`` leaves out what is personal (pydantic's own ``repr=False`` is lost inside a union).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, field in type(self).model_fields.items():
            if not is_personal(field):
                yield name, getattr(self, name)


class Message(Value):
    """An event (past tense) or a command (imperative) on one topic.

    ``TOPIC`` is the topic it travels on, ``VERSION`` its schema version; its type is the class
    name.
    """

    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1

    space: str
    """The space it belongs to: the order of its stream and its Kafka key."""

    @property
    def key(self) -> str:
        """The Kafka key: opaque, never personal."""
        return self.space
