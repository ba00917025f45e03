"""Deep-sky objects of OpenNGC: Messier, NGC, IC, and common names."""

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple, Protocol

from panoptes_network.names.spelling import fold

_DESIGNATION = re.compile(r"(m|ngc|ic|caldwell|c|melotte|mel)([1-9][0-9]{0,3})([a-h]?)")
_CATALOG = {"m": "M", "ngc": "NGC", "ic": "IC", "melotte": "Mel", "mel": "Mel"}
_FORM = re.compile(r"([A-Za-z]+)0*([0-9]+)(.*)")
_Names = list[str] | None

FAINTEST_MAG = 12.0
LARGE_DEG = 1 / 6
CATALOGS = ("NGC", "IC", "Mel")
"""Catalogs whose numbers `find` knows; OpenNGC has some objects of others."""
NOT_SHOWN = {"Star", "Double star", "Duplicated record", "Nonexistent object", "Nova star"}
"""Types of OpenNGC that are no objects of the deep sky, or none at all."""


class DeepSkyObject(NamedTuple):
    """An object with its names, the best one first; half its greatest extent, degrees.

    The magnitude is in V, or in B if that is unknown.
    """

    names: tuple[str, ...]
    ra_deg: float
    dec_deg: float
    radius_deg: float | None
    mag: float | None = None


class _Entry(Protocol):
    """The data that are read from a ``pyongc.ongc.Dso``."""

    name: str
    type: str
    magnitudes: tuple[float | None, ...]
    rad_coords: Iterable[float] | None
    dimensions: tuple[float | None, float | None, int | None]
    identifiers: tuple[str | None, _Names, _Names, _Names, _Names]


def find(key: str) -> DeepSkyObject | None:
    """Return the object of a folded name: a designation, or a common name."""
    from pyongc import ongc  # noqa: PLC0415 - few requests need it, and it opens a file

    match = _DESIGNATION.fullmatch(key)
    catalog = match and _CATALOG.get(match[1])
    if match and catalog:
        found = ongc.get(f"{catalog}{match[2]}{match[3].upper()}")
        return None if found is None else _object_of(found)
    return _by_common_name().get(key)


@cache
def objects() -> tuple[DeepSkyObject, ...]:
    """Return the objects with a common name."""
    from pyongc import ongc  # noqa: PLC0415

    named = (_object_of(found) for found in ongc.listObjects(withname=True))
    return tuple(found for found in named if found is not None)


def around(ra_deg: float, dec_deg: float, radius_deg: float) -> Iterator[DeepSkyObject]:
    """Yield what a small telescope shows in a box that holds a circle around a direction.

    Those are Messier's objects, those with a common name, those brighter than `FAINTEST_MAG`, and
    nebulae of `LARGE_DEG` whose brightness is unknown.
    """
    from pyongc import ongc  # noqa: PLC0415

    south, north = max(dec_deg - radius_deg, -90), min(dec_deg + radius_deg, 90)
    half = _half_width_deg(dec_deg, radius_deg)
    for first, last in _turns(ra_deg - half, ra_deg + half):
        for found in ongc.listObjects(minra=first, maxra=last, mindec=south, maxdec=north):
            shown = None if found.type in NOT_SHOWN else _object_of(found)
            if shown is not None and _is_worth_showing(shown, found):
                yield shown


def _half_width_deg(dec_deg: float, radius_deg: float) -> float:
    """Return how far in right ascension a circle reaches; all around with a pole in it."""
    if abs(dec_deg) + radius_deg >= 90:
        return 180
    sine = math.sin(math.radians(radius_deg)) / math.cos(math.radians(dec_deg))
    return math.degrees(math.asin(sine))


def _turns(first_deg: float, last_deg: float) -> list[tuple[float, float]]:
    """Return a range of right ascensions as ranges between 0 and 360."""
    if last_deg - first_deg >= 360:
        return [(-1, 361)]
    if first_deg < 0:
        return [(first_deg + 360, 361), (-1, last_deg)]
    if last_deg > 360:
        return [(first_deg, 361), (-1, last_deg - 360)]
    return [(first_deg, last_deg)]


def _is_worth_showing(shown: DeepSkyObject, found: _Entry) -> bool:
    messier, _, _, common, _ = found.identifiers
    if messier or common:
        return True
    if not found.name.startswith(CATALOGS):
        return False
    if shown.mag is None:
        return (shown.radius_deg or 0) >= LARGE_DEG / 2
    return shown.mag <= FAINTEST_MAG


@cache
def _by_common_name() -> dict[str, DeepSkyObject]:
    return {fold(name): found for found in objects() for name in found.names}


def _object_of(found: _Entry) -> DeepSkyObject | None:
    radians = found.rad_coords
    if radians is None:
        return None
    ra_deg, dec_deg = map(math.degrees, radians)
    widest = max((size for size in found.dimensions[:2] if size), default=None)
    radius_deg = None if widest is None else widest / 2 / 60
    blue, visual, *_ = found.magnitudes
    mag = blue if visual is None else visual
    names = tuple(dict.fromkeys(_names_of(found)))
    return DeepSkyObject(names, ra_deg, dec_deg, radius_deg, mag)


def _names_of(found: _Entry) -> Iterator[str]:
    messier, ngc, ic, common, _ = found.identifiers
    yield from common or ()
    for designation in (messier, found.name, *(ngc or ()), *(ic or ())):
        match = designation and _FORM.fullmatch(designation)
        if match:
            space = "" if match[1] == "M" else " "
            yield f"{match[1]}{space}{match[2]}{match[3]}"
