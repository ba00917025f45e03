"""Named objects around a direction: stars, hosts of planets, variables, deep-sky objects."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from panoptes_network.names import deep_sky, tables
from panoptes_network.sky.directions import is_within

_DESIGNATION = re.compile(r"(?:M|NGC |IC |Mel )[0-9]+[A-Z]?")


class Kind(StrEnum):
    """Kinds of objects in a picture. A host of planets that varies is a host."""

    STAR = "star"
    PLANET_HOST = "planet_host"
    VARIABLE = "variable"
    DEEP_SKY = "deep_sky"


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A named object of the sky.

    `lookup` is the name or number that surely leads to it. Position and motion are as a `Target`'s.
    The magnitude is in V or near it: Hipparcos's of stars, that in B of deep-sky objects which lack
    one in V. `planets` are names or letters.
    """

    kind: Kind
    lookup: str
    names: tuple[str, ...]
    ra_deg: float
    dec_deg: float
    pmra_masyr: float = 0.0
    pmdec_masyr: float = 0.0
    mag: float | None = None
    radius_deg: float | None = None
    planets: tuple[str, ...] = ()


def objects_around(ra_deg: float, dec_deg: float, radius_deg: float) -> list[NamedObject]:
    """Return the named objects within a distance, the brightest first, those of unknown last."""
    found = [*_stars_around(ra_deg, dec_deg, radius_deg), *_deep_sky(ra_deg, dec_deg, radius_deg)]
    return sorted(found, key=lambda one: (one.mag is None, one.mag, one.names))


def _stars_around(ra_deg: float, dec_deg: float, radius_deg: float) -> list[NamedObject]:
    ra_degs, dec_degs = _star_places()
    is_near = is_within(ra_degs, dec_degs, ra_deg, dec_deg, radius_deg)
    return [_star(tables.stars()[index]) for index in np.flatnonzero(is_near)]


@cache
def _star_places() -> NDArray[np.float64]:
    """Return the stars' right ascensions and declinations, shape (2, n)."""
    return np.array([(star.ra_deg, star.dec_deg) for star in tables.stars()]).T


def _star(star: tables.Star) -> NamedObject:
    kind = Kind.VARIABLE if star.is_variable else Kind.STAR
    return NamedObject(
        Kind.PLANET_HOST if star.planets else kind,
        star.names[0] if star.hip is None else f"HIP {star.hip}",
        star.names,
        star.ra_deg,
        star.dec_deg,
        star.pmra_masyr,
        star.pmdec_masyr,
        star.mag,
        planets=tuple(name or letter for letter, name in star.planets.items()),
    )


def _deep_sky(ra_deg: float, dec_deg: float, radius_deg: float) -> list[NamedObject]:
    # Whole degrees: the frames of a field share what is around them.
    found = _deep_sky_around(round(ra_deg), round(dec_deg), math.ceil(radius_deg) + 1)
    places = np.array([(one.ra_deg, one.dec_deg) for one in found]).reshape(-1, 2)
    is_near = is_within(places[:, 0], places[:, 1], ra_deg, dec_deg, radius_deg)
    return [_deep_sky_object(found[index]) for index in np.flatnonzero(is_near)]


@lru_cache(256)
def _deep_sky_around(
    ra_deg: int, dec_deg: int, radius_deg: int
) -> tuple[deep_sky.DeepSkyObject, ...]:
    return tuple(deep_sky.around(ra_deg, dec_deg, radius_deg))


def _deep_sky_object(found: deep_sky.DeepSkyObject) -> NamedObject:
    lookup = next(filter(_DESIGNATION.fullmatch, found.names), found.names[0])
    place = (found.ra_deg, found.dec_deg)
    return NamedObject(
        Kind.DEEP_SKY, lookup, found.names, *place, mag=found.mag, radius_deg=found.radius_deg
    )
