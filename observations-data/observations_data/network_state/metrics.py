"""The network's figures from the database, as metrics beside those of requests."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import Session

from observations_data.database import count, read
from panoptes_network.config import settings
from panoptes_network.database import films, light_curve_sets
from panoptes_network.database.models import Image
from panoptes_network.database.operation_models import DeadLetter
from panoptes_network.states import FAILED_STATES, WAITING_STATES, ImageState

WINDOW = timedelta(hours=1)
"""Time window of the processing seconds."""
BUCKETS_S = (1, 2, 3, 5, 10, 20, 60)


@dataclass(frozen=True, slots=True)
class Failures:
    """The number of images that failed in a state for a reason."""

    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Processing:
    """Images by processing seconds, below each bound, and the sum of the seconds."""

    buckets: list[tuple[str, float]]
    sum_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of the network; `ages_s` are the longest idle times of unfinished images."""

    states: dict[str, int]
    failures: list[Failures]
    ages_s: dict[str, float]
    dead_letters: int
    films_due: int
    light_curves_due: int
    processing: Processing


def figures(session: Session) -> Figures:
    """Return the figures of the network in one snapshot."""
    counts = session.execute(
        select(Image.state, Image.reason_code, func.count()).group_by(
            Image.state, Image.reason_code
        )
    ).all()
    states = {state.value: 0 for state in ImageState}
    for state, _, number in counts:
        states[state] += number
    letters = select(func.count()).where(DeadLetter.is_open)
    quiet_s = settings().sequence_quiet_s
    return Figures(
        states=states,
        failures=[
            Failures(state, reason or "unknown", number)
            for state, reason, number in counts
            if state in FAILED_STATES
        ],
        ages_s={state.value: _oldest_s(session, state) for state in WAITING_STATES},
        dead_letters=count(session, letters),
        films_due=_count(session, films.quiet(quiet_s)),
        light_curves_due=_count(session, light_curve_sets.due(quiet_s)),
        processing=_processing(session),
    )


@cache
def register() -> None:
    """Add the figures to this process's metrics, read on each scrape."""
    REGISTRY.register(_Figures())


class _Figures(Collector):
    def describe(self) -> Iterable[Metric]:
        """Return nothing: otherwise the registry would read all figures at once."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the figures; if that fails, report only the failure."""
        try:
            found = read(figures)
        except Exception:
            logging.getLogger(__name__).exception("the network's figures cannot be read")
            found = None
        yield GaugeMetricFamily(
            "panoptes_figures_readable",
            "Whether the database returned the network's figures: 1 or 0",
            value=int(found is not None),
        )
        if found is not None:
            yield from _families(found)


def _count(session: Session, query: Select[*tuple[object, ...]]) -> int:
    return count(session, select(func.count()).select_from(query.subquery()))


def _oldest_s(session: Session, state: ImageState) -> float:
    """Return the longest idle time of an image in this state; 0 without images."""
    # Literal, not bound: the planner must see that the index of unfinished images covers this
    # state.
    of_state = Image.state == literal_column(f"'{state.value}'")
    oldest = (
        select(Image.updated_at)
        .where(of_state, Image.bucket_path.is_not(None))
        .order_by(Image.updated_at)
        .limit(1)
        .scalar_subquery()
    )
    age = session.scalar(select(func.extract("epoch", func.now() - oldest)))
    return max(0.0, float(age or 0))


def _processing(session: Session) -> Processing:
    """Return the number of images of the last hour by processing seconds, and their sum."""
    seconds = Image.processing_s
    below = [func.count().filter(seconds <= bound).label(str(bound)) for bound in BUCKETS_S]
    row = session.execute(
        select(func.count(), func.coalesce(func.sum(seconds), 0.0), *below).where(
            Image.updated_at > func.now() - WINDOW, seconds.is_not(None)
        )
    ).one()
    n_images, total, *counts = row
    bounds = [*(str(float(bound)) for bound in BUCKETS_S), "+Inf"]
    numbers = map(float, [*counts, n_images])
    return Processing(list(zip(bounds, numbers, strict=True)), total or 0.0)


def _families(found: Figures) -> Iterator[Metric]:
    yield _gauge("panoptes_images", "Images by state", ["state"], found.states)
    failed = GaugeMetricFamily(
        "panoptes_failed_images",
        "Images without a solution, by state and reason code",
        labels=["state", "reason"],
    )
    for case in found.failures:
        failed.add_metric([case.state, case.reason], case.count)
    yield failed
    yield _gauge(
        "panoptes_oldest_waiting_image_age_seconds",
        "Longest idle time of unfinished images, by state",
        ["state"],
        found.ages_s,
    )
    yield GaugeMetricFamily(
        "panoptes_dead_letters_waiting",
        "Dead letters that were not replayed",
        value=found.dead_letters,
    )
    yield GaugeMetricFamily(
        "panoptes_films_due",
        "Idle sequences whose film lacks some of their images",
        value=found.films_due,
    )
    yield GaugeMetricFamily(
        "panoptes_light_curves_due",
        "Idle sequences whose light curves lack some of their solved images",
        value=found.light_curves_due,
    )
    yield GaugeHistogramMetricFamily(
        "panoptes_processing_seconds",
        "Processing seconds of images changed within the last hour",
        buckets=found.processing.buckets,
        gsum_value=found.processing.sum_s,
    )


def _gauge(name: str, words: str, labels: list[str], values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for label, value in values.items():
        family.add_metric([label], value)
    return family
