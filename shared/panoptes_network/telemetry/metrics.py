"""Counters of requests, and gauges of services, as OpenMetrics text."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from flask import Response
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

_REQUESTS = Counter(
    "panoptes_requests",
    "Requests, by outcome.",
    ["service", "route", "status", "reason"],
)
_SECONDS = Histogram(
    "panoptes_request_seconds",
    "Response time.",
    ["service", "route", "status"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)

Read = Callable[[], Mapping[tuple[str, ...], float]]
"""Returns a gauge's values by their label values."""


def count(service: str, route: str, status: int, reason: str, seconds: float) -> None:
    """Count a request; each label must have few possible values."""
    _REQUESTS.labels(service, route, str(status), reason).inc()
    _SECONDS.labels(service, route, str(status)).observe(seconds)


@dataclass(frozen=True, slots=True)
class _Gauge:
    description: str
    labels: Sequence[str]
    read: Read


class _Gauges(Collector):
    """Gauges that are read on each scrape."""

    def __init__(self) -> None:
        self.known: dict[str, _Gauge] = {}

    def describe(self) -> Iterable[Metric]:
        """Return nothing: otherwise the registry would read all values at once."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Read each gauge; one that fails is skipped, and the others are still returned."""
        for name, gauge in [*self.known.items()]:
            family = GaugeMetricFamily(name, gauge.description, labels=gauge.labels)
            try:
                values = gauge.read()
            except Exception:
                logging.getLogger(__name__).exception("the gauge %s cannot be read", name)
                continue
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family


@cache
def _gauges() -> _Gauges:
    gauges = _Gauges()
    REGISTRY.register(gauges)
    return gauges


def add_gauge(name: str, description: str, labels: Sequence[str], read: Read) -> None:
    """Add a gauge whose values are read on each scrape.

    Parameters
    ----------
    name : str
        Name such as ``panoptes_images``, ending in its unit if it has one. A gauge with the same
        name is replaced.
    labels : sequence of str
        Names of the labels; each must have few values.
    read : callable
        Returns the values, as ``{("solved",): 12.0}``; ``{(): 3.0}`` without labels.
    """
    _gauges().known[name] = _Gauge(description, labels, read)


def exposition() -> Response:
    """Return all counters and gauges of this process as a response."""
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
