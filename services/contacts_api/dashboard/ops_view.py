"""The operations page in words: lag, dead letters, the sum. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from contacts_api.dashboard import words

Json = Mapping[str, Any]
WORDS: Mapping[str, tuple[str, str, str]] = {
    "stopped": ("Stopped", "bad", "x"),
    "no-data": ("No data", "bad", "warn"),
    "rewound": ("Rewound", "bad", "warn"),
    "stalled": ("Stalled", "bad", "warn"),
    "falling-behind": ("Falling behind", "warn", "warn"),
    "catching-up": ("Catching up", "warn", "clock"),
    "collecting": ("Collecting", "", "clock"),
    "ok": ("OK", "good", "check"),
}
NOTHING = "–"
REASONS_SHOWN = 2
SPARK_WIDTH, SPARK_HEIGHT = 120, 24


def duration(seconds: float | None) -> str:
    """`0 s`, `0.4 s`, `45 s`, `12 min`, `3 h`, `2 d`."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.05 else "0 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * words.DAY else f"{seconds / words.DAY:.0f} d"


def rate(per_second: float | None) -> str:
    if per_second is None:
        return NOTHING
    return f"{per_second:.1f}" if per_second < 100 else words.number(round(per_second))


def drain(stream: Json) -> str:
    """How long the lag takes to go at this rate."""
    if not stream["lag_messages"]:
        return NOTHING
    if stream["drain_seconds"] is None:
        return "never at this rate"
    return duration(stream["drain_seconds"])


def spark(values: Sequence[float | None]) -> str:
    """Points of a line through the values, newest at the right; empty without two of them."""
    known = [(n, value) for n, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    top = max(value for _, value in known) or 1.0
    across = SPARK_WIDTH / (len(values) - 1)
    return " ".join(
        f"{n * across:.1f},{SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * value / top:.1f}"
        for n, value in known
    )


def tiles(lag: Json, trend: Mapping[str, Sequence[float | None]]) -> list[dict[str, Any]]:
    services = lag["services"]
    streams = [(s["service"], stream) for s in services for stream in s["streams"]]
    up = sum(service["ready"] for service in services)
    missing = sum(stream["missing"] for _, stream in streams)
    gaps = sum(stream["gaps"] for _, stream in streams)
    letters = sum(stream["dead_letters"] for _, stream in streams)
    return [
        _worst(streams, trend["lag"]),
        {
            "name": "Dead letters", "value": words.number(letters), "bad": letters > 0,
            "said": "not sent again yet", "spark": spark(trend["dead_letters"]),
        },
        {
            "name": "Accepted", "value": f"{rate(_newest(trend['accepted']))}/s", "bad": False,
            "said": "events, as the log grows", "spark": spark(trend["accepted"]),
        },
        _probe(lag["probe"]),
        {
            "name": "Services", "value": f"{up}/{len(services)}", "bad": up < len(services),
            "said": "ready", "spark": "",
        },
        {
            "name": "Sum", "value": "adds up" if not missing else f"{missing} missing",
            "bad": missing != 0, "said": f"{gaps} gaps seen and refilled", "spark": "",
        },
    ]  # fmt: skip


def _worst(streams: Sequence[tuple[str, Json]], trend: Sequence[float | None]) -> dict[str, Any]:
    service, worst = max(
        streams, key=lambda each: float(each[1]["lag_seconds"]), default=("", None)
    )
    seconds = worst["lag_seconds"] if worst else None
    behind = bool(worst and worst["lag_messages"])
    return {
        "name": "Time lag", "value": duration(seconds), "bad": (seconds or 0) > 60,
        "said": f"{service}, {worst['topic']}" if worst and behind else "nobody is behind",
        "spark": spark(trend),
    }  # fmt: skip


def _probe(probe: Json) -> dict[str, Any]:
    p50, p95 = probe["p50_ms"], probe["p95_ms"]
    said = f"p95, {probe['lost']} of {probe['sent']} lost" if probe["sent"] else "no probe yet"
    value = duration(None if p95 is None else p95 / 1000)
    return {
        "name": "Event to visible", "value": value, "bad": probe["lost"] > 0,
        "said": said if p50 is None else f"{said}; half within {duration(p50 / 1000)}",
        "spark": "",
    }  # fmt: skip


def _newest(values: Sequence[float | None]) -> float | None:
    return values[-1] if values else None


def word(row: Json) -> dict[str, str]:
    text, kind, icon = WORDS[row["word"]]
    return {"text": text, "kind": kind, "icon": icon}


def services(lag: Json) -> list[dict[str, Any]]:
    return [
        {
            "name": service["service"],
            "word": word(service),
            "reasons": service["reasons"][:REASONS_SHOWN],
            "more": max(0, len(service["reasons"]) - REASONS_SHOWN),
            "lag": duration(max((s["lag_seconds"] for s in service["streams"]), default=None)),
            "messages": words.number(sum(s["lag_messages"] for s in service["streams"])),
            "letters": words.number(sum(s["dead_letters"] for s in service["streams"])),
            "rows": words.number(service["outbox"]["rows"]),
            "oldest": duration(service["outbox"]["oldest_seconds"]),
            "age": _age(service, lag["at"]),
        }
        for service in lag["services"]
    ]


def _age(service: Json, now: float) -> str | None:
    """Of what is shown of a service that is silent."""
    if not service["silent_rounds"]:
        return None
    seen = service["seen_at"]
    return "never answered" if seen is None else f"as it was {duration(now - seen)} ago"


def streams(lag: Json, order: Sequence[str]) -> list[dict[str, Any]]:
    found = [stream for service in lag["services"] for stream in service["streams"]]
    found.sort(key=lambda s: (order.index(s["word"]), -s["lag_seconds"], s["group"]))
    return [
        {
            "group": stream["group"],
            "topic": stream["topic"],
            "word": word(stream),
            "lag": duration(stream["lag_seconds"]),
            "messages": words.number(stream["lag_messages"]),
            "rates": f"{rate(stream['arriving'])} → {rate(stream['leaving'])}",
            "drain": drain(stream),
            "letters": words.number(stream["dead_letters"]),
            "waits": stream["waits_for"],
        }
        for stream in found
    ]
