"""Numbers of observations per unit, camera, state, year and tag."""

from sqlalchemy import ColumnElement, Text, cast, extract, func, select
from sqlalchemy.orm import Session

from observations_data.database import as_record
from observations_data.observations.search.query import Conditions, select_observations
from panoptes_network.database.models import Sequence, SequenceFigures
from panoptes_network.database.times import has_plausible
from panoptes_network.responses.observations import FacetCount
from panoptes_network.states import ImageState

MAX_VALUES = 100

_YEAR = cast(extract("year", func.timezone("UTC", Sequence.start_time)), Text)
_FACETS: dict[str, tuple[ColumnElement[str], set[str]]] = {
    "unit": (Sequence.unit_id.expression, {"unit"}),
    "camera": (Sequence.camera_id.expression, {"camera"}),
    "year": (_YEAR, {"after", "before"}),
    "tag": (func.unnest(Sequence.tags), {"tag"}),
}
"""Counted values, and the parameters that filter by the same value."""


def facets(session: Session, conditions: Conditions) -> dict[str, list[FacetCount]]:
    """Return the most frequent values of each facet, in descending order.

    Each is counted under the conditions of all other parameters, so it shows the number of matches
    for another value.
    """
    # A year outside the range of searches would lead to a refused search.
    further = {"year": [has_plausible(Sequence.start_time)]}
    counted = {
        name: _values(session, value, _without(conditions, own) + further.get(name, []))
        for name, (value, own) in _FACETS.items()
    }
    states = _states(session, _without(conditions, {"state"}))
    return {**counted, "state": _most_first(states)}


def _without(conditions: Conditions, own: set[str]) -> list[ColumnElement[bool]]:
    return [condition for name, condition in conditions.items() if name not in own]


def _values(
    session: Session, value: ColumnElement[str], conditions: list[ColumnElement[bool]]
) -> list[FacetCount]:
    values = select_observations(value.label("value")).where(*conditions).subquery()
    count = func.count().label("count")
    counted = select(values.c.value, count).group_by(values.c.value)
    most = counted.order_by(count.desc(), values.c.value).limit(MAX_VALUES)
    return [as_record(FacetCount, row._asdict()) for row in session.execute(most)]


def _states(session: Session, conditions: list[ColumnElement[bool]]) -> dict[str, int]:
    """Return the number of observations with an image in each state that occurs."""
    counts = [
        func.count().filter(SequenceFigures.n_in(state) > 0).label(state) for state in ImageState
    ]
    [row] = session.execute(select_observations(*counts).where(*conditions))
    return {state: count for state, count in row._asdict().items() if count}


def _most_first(counts: dict[str, int]) -> list[FacetCount]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "count": count} for value, count in ranked]
