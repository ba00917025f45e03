"""Which observations, and which of a unit's nights, a request asks for."""

from dataclasses import dataclass
from datetime import date, datetime

from observations_data.http.query_parameters import (
    DEFAULT_LIMIT,
    BadParameterError,
    Parameters,
    choice,
    day,
    first_moment,
    last_moment,
    limit,
    real_number,
    text,
    truth,
    whole_number,
)
from observations_data.observations.search.pagination import NEWEST_FIRST, Cursor, Order
from observations_data.position import Place
from panoptes_network.states import ImageState

MAX_EXPTIME_S = 86400.0


@dataclass(frozen=True, slots=True)
class Search:
    """Which observations are wanted, in which order, and how many of them at once."""

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
            For the first one that cannot be read.
        """
        place = Place.parse(parameters)
        order = Order.parse(parameters)
        if order.needs_place and place is None:
            raise BadParameterError("sort", "distance only where ra and dec, or a name, are given")
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


@dataclass(frozen=True, slots=True)
class NightSearch:
    """Which of a unit's nights are wanted: those before a date, and how many of them."""

    before: date | None = None
    limit: int = DEFAULT_LIMIT

    @classmethod
    def parse(cls, parameters: Parameters) -> "NightSearch":
        """Read query parameters.

        Raises
        ------
        BadParameterError
            For the first one that cannot be read.
        """
        return cls(before=day(parameters, "before"), limit=limit(parameters))
