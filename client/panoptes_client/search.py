"""Search filters for observations and candidates, and their encoding."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Literal, TypeAlias, TypedDict

from astropy import units
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.units import Quantity

Date: TypeAlias = str | date | datetime | Time


class Search(TypedDict, total=False):
    """Filters of observations; results match all given filters.

    Attributes
    ----------
    unit, camera, field, tag : str
        Ids of unit and camera; text in the field name; a tag.
    at : SkyCoord
        A single position to search around.
    name : str
        A position by name: a field of the network, ``Vega``, ``HD 189733 b``, ``Orion``, ``M42``.
    radius : Quantity or float
        Maximum distance of the mean centre from the position; degrees by default.
    after, before : str, date, datetime or Time
        Earliest and latest start of the observation, UTC by default; a date is the whole day.
    min_exptime, max_exptime : Quantity or float
        Exposure time of a frame; seconds by default.
    min_images, max_images : int
        Number of images.
    state : str
        Observations with an image in this state.
    sort : str
        ``time`` (the default), ``field``, ``unit``, ``images``, ``exptime`` or ``distance``.
    order : str
        ``asc`` or ``desc``.
    """

    unit: str | None
    camera: str | None
    field: str | None
    tag: str | None
    at: SkyCoord | None
    name: str | None
    radius: Quantity | float | None
    after: Date | None
    before: Date | None
    min_exptime: Quantity | float | None
    max_exptime: Quantity | float | None
    min_images: int | None
    max_images: int | None
    state: str | None
    sort: str | None
    order: Literal["asc", "desc"] | None


class CandidateSearch(TypedDict, total=False):
    """Filters of candidates; results match all given filters.

    Attributes
    ----------
    kind : str
        ``transit`` or ``variable``.
    min_significance, max_false_alarm : float
        Lowest significance, highest false-alarm probability.
    min_mag, max_mag : float
        Range of Gaia G.
    sequence_id, unit : str
        Searched observation; its unit.
    known : bool
        Only known planets and variables, or only others.
    at : SkyCoord
        A single position to search around.
    radius : Quantity or float
        Search radius; degrees by default. Give both or neither.
    sort : str
        ``significance`` (the default), ``false_alarm``, ``depth``, ``duration``, ``period``,
        ``mag`` or ``found``.
    order : str
        ``asc`` or ``desc``.
    """

    kind: Literal["transit", "variable"] | None
    min_significance: float | None
    max_false_alarm: float | None
    min_mag: float | None
    max_mag: float | None
    sequence_id: str | None
    unit: str | None
    known: bool | None
    at: SkyCoord | None
    radius: Quantity | float | None
    sort: str | None
    order: Literal["asc", "desc"] | None


UNITS = {"radius": units.deg, "min_exptime": units.s, "max_exptime": units.s}


def parameters(search: Mapping[str, object], filters: type = Search) -> dict[str, str]:
    """Return a search as request parameters.

    Parameters
    ----------
    search : Search or CandidateSearch
    filters : type
        The class of the search.

    Raises
    ------
    TypeError
        If a filter does not exist: a search without it would find everything.
    """
    known = filters.__annotations__
    for name in search.keys() - known.keys():
        raise TypeError(_unknown(name, known))
    given = {name: value for name, value in search.items() if value is not None}
    place: SkyCoord | None = given.pop("at", None)
    sent = {name: _text(name, value) for name, value in given.items()}
    if place is not None:
        sent |= {"ra": repr(float(place.icrs.ra.deg)), "dec": repr(float(place.icrs.dec.deg))}
    return sent


def _text(name: str, value: object) -> str:
    if isinstance(value, Quantity):
        return repr(float(value.to_value(UNITS[name])))
    if isinstance(value, bool):
        return str(value).lower()
    return _date_or_time(value) if name in {"after", "before"} else str(value)


def _date_or_time(value: object) -> str:
    if isinstance(value, Time):
        return _date_or_time(value.to_datetime(UTC))
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return utc.isoformat().replace("+00:00", "Z")
    return str(value)


def _unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f": did you mean {near[0]!r}?" if near else ""
    return f"unknown filter {name!r}{hint}"
