"""One JSON line for each thing that happened: `noun.participle` and fields, never a payload."""

import logging
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import orjson
import structlog

_PLAIN = (str, int, float, bool, type(None))
_LONGEST = 300
_QUIET = ("aiokafka", "faststream", "asyncio", "uvicorn", "httpx", "httpcore")


def configure(level: str = "INFO", service: str = "") -> None:
    """Once, before the loop starts. Libraries log warnings and worse, in the same shape."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            drop_payloads,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level(level)),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = _Plain(service)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _level(name: str) -> int:
    return logging.getLevelNamesMapping().get(name.upper(), logging.INFO)


def _dumps(value: Any, **_: Any) -> bytes:
    return orjson.dumps(value, default=lambda _: "…")


def drop_payloads(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Fields are numbers, ids and slugs. Of anything else only the type stays."""
    error = event.pop("exc_info", None)
    for key, value in list(event.items()):
        if not isinstance(value, _PLAIN):
            event[key] = f"<{type(value).__name__}>"
        elif isinstance(value, str) and len(value) > _LONGEST:
            event[key] = f"<{len(value)} characters>"
    if error:
        event["trace"] = _trace(error)
    return event


def _trace(error: Any) -> list[str]:
    """Where it happened, without the message: messages of drivers and parsers quote values."""
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return []
    places = []
    step: TracebackType | None = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        places.append(f"{code.co_filename}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [type(error).__name__, *places[-12:], *(_trace(cause) if cause else ())]


class _Plain(logging.Handler):
    """Records of libraries, without arguments of exceptions."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def emit(self, record: logging.LogRecord) -> None:
        line = {
            "event": "library.reported",
            "level": record.levelname.lower(),
            "logger": record.name,
            "service": self._service,
            # The format without its arguments: those may hold values.
            "message": str(record.msg)[:_LONGEST] if record.args else _first_line(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["trace"] = ",".join(_trace(record.exc_info)[:4])
        sys.stderr.buffer.write(orjson.dumps(line) + b"\n")
        sys.stderr.buffer.flush()


def _first_line(record: logging.LogRecord) -> str:
    return record.getMessage().partition("\n")[0][:_LONGEST] if not record.exc_info else ""
