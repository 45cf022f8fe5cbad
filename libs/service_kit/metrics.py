"""Every metric the kit and the services count, by name: an unlisted name does not type-check."""

from typing import Literal, TypeVar, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CounterName = Literal[
    "messages.applied",  # by stream and type
    "messages.rejected",  # dead-lettered, by stream and slug
    "messages.suppressed",  # named an erased person
    "messages.ignored",  # of no concern to this service, or unknown to it
    "messages.repeated",  # delivered again and dropped
    "messages.gaps",  # skipped because an earlier one is missing
    "messages.emitted",  # by type
    "batches.retried",  # rolled back to be taken again, by slug
    "consumer.overtaken",  # another owner was at work
    "consumer.rebalanced",
    "relay.sent",
    "relay.failed",
    "relay.refilled",
    "http.requests",  # by status
    "events.accepted",
    "events.refused",
    "events.rejected",  # of a claim that was refused, where the agent's policy says so
    "identity.verified",  # by method
    "identity.verification_failed",  # by slug
    "probe.sent",
    "probe.lost",  # sent and not visible in time
]
GaugeName = Literal[
    "outbox.rows",
    "outbox.oldest_seconds",
    "stream.lag_messages",
    "stream.lag_seconds",
    "loop.delay_seconds",
    "pool.in_use",
    "service.ready",
    "service.answers",  # as the operations page sees it, by service
    "dead_letters.open",  # not redriven
    "dead_letters.oldest_seconds",
    "messages.unaccounted",  # taken from a topic and in none of the four endings
    "sequences.missing",  # sent, passed by its reader, and not applied
]
HistogramName = Literal["batch.seconds", "batch.messages", "probe.seconds"]

_LABELS: dict[str, tuple[str, ...]] = {
    "messages.applied": ("stream", "type"),
    "messages.rejected": ("stream", "slug"),
    "messages.suppressed": ("stream",),
    "messages.ignored": ("stream", "type"),
    "messages.repeated": ("stream",),
    "messages.gaps": ("stream",),
    "messages.emitted": ("type",),
    "batches.retried": ("stream", "slug"),
    "consumer.overtaken": ("stream",),
    "consumer.rebalanced": ("stream",),
    "http.requests": ("status",),
    "events.refused": ("slug",),
    "identity.verified": ("method",),
    "identity.verification_failed": ("slug",),
    "stream.lag_messages": ("stream",),
    "stream.lag_seconds": ("stream",),
    "service.answers": ("service",),
    "dead_letters.open": ("stream",),
    "dead_letters.oldest_seconds": ("stream",),
    "messages.unaccounted": ("stream",),
    "sequences.missing": ("stream",),
    "batch.seconds": ("stream",),
    "batch.messages": ("stream",),
}

M = TypeVar("M", Counter, Gauge, Histogram)

REGISTRY = CollectorRegistry()
_made: dict[str, Counter | Gauge | Histogram] = {}


def count(name: CounterName, n: float = 1, **labels: str) -> None:
    metric = _metric(name, Counter)
    (metric.labels(**labels) if labels else metric).inc(n)


def gauge(name: GaugeName, value: float, **labels: str) -> None:
    metric = _metric(name, Gauge)
    (metric.labels(**labels) if labels else metric).set(value)


def observe(name: HistogramName, value: float, **labels: str) -> None:
    metric = _metric(name, Histogram)
    (metric.labels(**labels) if labels else metric).observe(value)


def value_of(name: CounterName | GaugeName, **labels: str) -> float:
    """What it stands at, 0 if it never moved. For tests and for health."""
    suffix = "_total" if isinstance(_made.get(name), Counter) else ""
    return REGISTRY.get_sample_value(_exposed(name) + suffix, labels) or 0.0


def exposed() -> dict[str, tuple[str, ...]]:
    """Every series that can stand on the page, with its labels: what rules and charts may name."""
    named: dict[str, tuple[str, ...]] = {}
    for kind, suffixes in (
        (CounterName, ("_total",)),
        (GaugeName, ("",)),
        (HistogramName, ("_bucket", "_sum", "_count")),
    ):
        for name in get_args(kind):
            labels = _LABELS.get(name, ())
            for suffix in suffixes:
                more = ("le",) if suffix == "_bucket" else ()
                named[_exposed(name) + suffix] = (*labels, *more)
    return named


def exposition() -> bytes:
    """The page Prometheus reads."""
    return generate_latest(REGISTRY)


def _exposed(name: str) -> str:
    return "kith_" + name.replace(".", "_")


def _metric(name: str, kind: type[M]) -> M:
    metric = _made.get(name)
    if metric is None:
        metric = kind(_exposed(name), name, _LABELS.get(name, ()), registry=REGISTRY)
        _made[name] = metric
    assert isinstance(metric, kind)
    return metric
