"""A search of observations: a request's parameters, and their SQL conditions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from observations_data.http.query_parameters import (
    DEFAULT_LIMIT,
    BadParameterError,
    Parameters,
    choice,
    first_moment,
    last_moment,
    limit,
    real_number,
    text,
    truth,
    whole_number,
)
from observations_data.observations.search.pagination import NEWEST_FIRST, Cursor, Order
from observations_data.position import Cone, Place
from panoptes_network.database.models import Sequence, SequenceFigures
from panoptes_network.database.parents import MAX_EXPTIME_S
from panoptes_network.states import ImageState
from panoptes_network.tags import fold


@dataclass(frozen=True, slots=True)
class Search:
    """A search of observations: filters, order and limit."""

    unit: str | None = None
    camera: str | None = None
    field: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    min_exptime: float | None = None
    max_exptime: float | None = None
    min_images: int | None = None
    max_images: int | None = None
    state: ImageState | None = None
    tag: str | None = None
    place: Place | None = None
    facets: bool = False
    order: Order = NEWEST_FIRST
    limit: int = DEFAULT_LIMIT
    cursor: Cursor | None = None

    @classmethod
    def parse(cls, parameters: Parameters) -> "Search":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first invalid one.
        """
        place = Place.parse(parameters)
        order = Order.parse(parameters)
        if order.needs_place and place is None:
            raise BadParameterError("sort", "another key without ra and dec, or a name")
        return cls(
            unit=text(parameters, "unit"),
            camera=text(parameters, "camera"),
            field=text(parameters, "field"),
            after=first_moment(parameters, "after"),
            before=last_moment(parameters, "before"),
            min_exptime=real_number(parameters, "min_exptime", 0, MAX_EXPTIME_S),
            max_exptime=real_number(parameters, "max_exptime", 0, MAX_EXPTIME_S),
            min_images=whole_number(parameters, "min_images"),
            max_images=whole_number(parameters, "max_images"),
            state=choice(parameters, "state", ImageState),
            tag=text(parameters, "tag"),
            place=place,
            facets=truth(parameters, "facets"),
            order=order,
            limit=limit(parameters),
            cursor=Cursor.read(parameters, order),
        )


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


def search_conditions(search: Search, cone: Cone | None) -> Conditions:
    """Return the conditions by parameter name."""
    asked = {name: getattr(search, name) for name in _CONDITIONS}
    found = {name: _CONDITIONS[name](value) for name, value in asked.items() if value is not None}
    return found if cone is None else {**found, "place": cone.holds_centre}


def select_observations(*columns: Any) -> Select[Any]:
    """Select `columns` of observations and their figures.

    The join is free if no figures are requested: PostgreSQL removes it.
    """
    joined = SequenceFigures.sequence_id == Sequence.sequence_id
    return select(*columns).select_from(Sequence).outerjoin(SequenceFigures, joined)
