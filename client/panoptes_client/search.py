"""What observations and candidates are searched for by, and how it is sent."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, TypedDict

from astropy import units
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.units import Quantity

Date: TypeAlias = str | date | datetime | Time


class Search(TypedDict, total=False):
    """Filters of observations; all that are given must hold.

    Attributes
    ----------
    unit, camera, field, tag : str
        Ids of unit and camera; text that the field's name contains; a tag.
    at : SkyCoord
        Place, one, that is searched around.
    name : str
        The same by name: a field of the network, ``TIC 123``, ``M42``, ``NGC 7000``.
    radius : Quantity or float
        How far the mean centre may be from the place; degrees where it has no unit.
    after, before : str, date, datetime or Time
        First and last date or time of the observation's start, UTC where it has no zone; a date
        is the whole day.
    min_exptime, max_exptime : Quantity or float
        Exposure of a frame; seconds where it has no unit.
    min_images, max_images : int
        Number of images.
    state : str
        At least one image is in this state.
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
    """Filters of candidates; all that are given must hold.

    Attributes
    ----------
    kind : str
        ``transit`` or ``variable``.
    min_significance, max_false_alarm : float
        Significance at least, false-alarm probability at most.
    min_mag, max_mag : float
        Gaia G of the star.
    sequence_id, unit : str
        Observation that was searched; unit that saw it.
    known : bool
        Only stars with a known planet or variable, or only others.
    at : SkyCoord
        Place, one, that is searched around.
    radius : Quantity or float
        Around the place; degrees where it has no unit. Both, or neither.
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


def parameters(search: Mapping[str, Any], filters: type = Search) -> dict[str, str]:
    """Return a search as the parameters of a request.

    Parameters
    ----------
    search : Search or CandidateSearch
    filters : type
        Which of them it is.

    Raises
    ------
    TypeError
        For a filter that there is not: a search without it would find everything.
    """
    known = filters.__annotations__
    for name in search.keys() - known.keys():
        raise TypeError(_unknown(name, known))
    given: dict[str, Any] = {name: value for name, value in search.items() if value is not None}
    place = given.pop("at", None)
    sent = {name: _text(name, value) for name, value in given.items()}
    if place is not None:
        sent |= {"ra": repr(float(place.icrs.ra.deg)), "dec": repr(float(place.icrs.dec.deg))}
    return sent


def _text(name: str, value: Any) -> str:
    if isinstance(value, Quantity):
        return repr(float(value.to_value(UNITS[name])))
    if isinstance(value, bool):
        return str(value).lower()
    return _date_or_time(value) if name in {"after", "before"} else str(value)


def _date_or_time(value: Date) -> str:
    if isinstance(value, Time):
        return _date_or_time(value.to_datetime(UTC))
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return utc.isoformat().replace("+00:00", "Z")
    return str(value)


def _unknown(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f": did you mean {near[0]!r}?" if near else ""
    return f"there is no filter {name!r}{hint}"
