"""What an observation must meet to be found, as SQL: one condition for each parameter."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from observations_data.observations.search.query import Search
from observations_data.position import Cone
from panoptes_network.database.models import Sequence, SequenceFigures
from panoptes_network.tags import fold

Conditions = dict[str, ColumnElement[bool]]

_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "unit": lambda unit: Sequence.unit_id == unit.upper(),
    "camera": lambda camera: Sequence.camera_id == camera.lower(),
    "field": lambda words: func.strpos(Sequence.field_folded, func.fold_text(words)) > 0,
    "after": lambda moment: Sequence.start_time >= moment,
    "before": lambda moment: Sequence.start_time <= moment,
    "min_exptime": lambda seconds: Sequence.exptime_s >= seconds,
    "max_exptime": lambda seconds: Sequence.exptime_s <= seconds,
    "min_images": lambda number: SequenceFigures.n_images >= number,
    "max_images": lambda number: SequenceFigures.n_images <= number,
    "state": lambda state: SequenceFigures.n_in(state) > 0,
    "tag": lambda tag: Sequence.tags.contains([fold(tag)]),
}


def conditions(search: Search, cone: Cone | None) -> Conditions:
    """Return the conditions by the names of the parameters that ask for them."""
    asked = {name: getattr(search, name) for name in _CONDITIONS}
    found = {name: _CONDITIONS[name](value) for name, value in asked.items() if value is not None}
    return found if cone is None else {**found, "place": cone.holds_centre}


def of_observations(*columns: Any) -> Select[Any]:
    """Return the query of `columns` of observations and their figures.

    The join costs nothing where no figure is asked for: PostgreSQL leaves it out then.
    """
    joined = SequenceFigures.sequence_id == Sequence.sequence_id
    return select(*columns).select_from(Sequence).outerjoin(SequenceFigures, joined)
