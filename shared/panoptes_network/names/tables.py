"""The tables of names, each read once, when it is first needed."""

import csv
import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EPOCH_YR = 2000.0
"""Julian year of all positions."""
SAME_STAR_ARCSEC = 2.0
"""Hipparcos and Gaia agree to a tenth of this; a companion farther away has its own name."""


class Constellation(NamedTuple):
    """A constellation: its mean direction, and the distance to its farthest point, degrees."""

    name: str
    genitive: str
    abbreviation: str
    ra_deg: float
    dec_deg: float
    radius_deg: float


class Star(NamedTuple):
    """A star with names, the best one first, and the letters of its planets.

    Positions are ICRS degrees, motions milliarcseconds a year, the first with the factor cos(dec);
    a motion of 0 is unknown. `planets` may have names, too. The magnitude is Hipparcos's, or in V;
    None is unknown.
    """

    hip: int | None
    ra_deg: float
    dec_deg: float
    pmra_masyr: float
    pmdec_masyr: float
    names: tuple[str, ...] = ()
    planets: Mapping[str, str] = MappingProxyType({})
    mag: float | None = None
    is_variable: bool = False


@cache
def constellations() -> tuple[Constellation, ...]:
    """Return the 88 constellations."""
    return tuple(
        Constellation(name, genitive, abbreviation, float(ra), float(dec), float(radius))
        for name, genitive, abbreviation, ra, dec, radius in table_rows("constellations.csv.gz")
    )


@cache
def stars() -> tuple[Star, ...]:
    """Return the stars with names."""
    return tuple(_star(*row) for row in table_rows("stars.csv.gz"))


@cache
def stars_by_hip() -> dict[int, Star]:
    """Return the stars with names that have a Hipparcos number."""
    return {star.hip: star for star in stars() if star.hip is not None}


def hipparcos_star(catalog: str, number: int) -> Star | None:
    """Return the star with a number of a catalog: ``hip``, ``hd``, ``hr`` or ``sao``.

    Of several stars with one number, it is the first of the Hipparcos catalog.
    """
    table = _hipparcos()
    found = np.flatnonzero(table[catalog] == number)
    if not len(found) or number <= 0:
        return None
    row = table[found[0]]
    hip, ra_deg, dec_deg, pmra_masyr, pmdec_masyr, *_ = row.item()
    return stars_by_hip().get(hip) or Star(hip, ra_deg, dec_deg, pmra_masyr, pmdec_masyr)


def hipparcos_star_at(ra_deg: float, dec_deg: float, epoch_yr: float) -> Star | None:
    """Return the nearest star within `SAME_STAR_ARCSEC` of a position at a Julian year."""
    table = _hipparcos()
    years = epoch_yr - EPOCH_YR
    north = (table["dec_deg"] - dec_deg) * 3600 + table["pmdec_masyr"] * years / 1000
    around = (table["ra_deg"] - ra_deg + 180) % 360 - 180
    cos_dec = np.cos(np.radians(dec_deg))
    east = around * 3600 * cos_dec + table["pmra_masyr"] * years / 1000
    distance = np.hypot(north, east)
    nearest = int(np.argmin(distance))
    if distance[nearest] > SAME_STAR_ARCSEC:
        return None
    return hipparcos_star("hip", int(table["hip"][nearest]))


def numbers_of(hip: int) -> dict[str, int]:
    """Return the numbers of a Hipparcos star by catalog."""
    table = _hipparcos()
    row = table[table["hip"] == hip][0]
    return {name: int(row[name]) for name in ("hip", "hd", "hr", "sao") if row[name] > 0}


_NUMBERED = np.dtype(
    [
        ("hip", "i4"),
        ("ra_deg", "f8"),
        ("dec_deg", "f8"),
        ("pmra_masyr", "f4"),
        ("pmdec_masyr", "f4"),
        ("hd", "i4"),
        ("hr", "i4"),
        ("sao", "i4"),
    ]
)
"""A row of the Hipparcos table; a number of 0 is none."""


@cache
def _hipparcos() -> NDArray[np.void]:
    rows = [tuple(value or "0" for value in row) for row in table_rows("hipparcos.csv.gz")]
    return np.array(rows, dtype=_NUMBERED)


def _star(hip: str, *values: str) -> Star:
    *place, names, planets, mag, is_variable = values
    ra_deg, dec_deg, pmra_masyr, pmdec_masyr = map(float, place)
    letters = (planet.partition("=") for planet in planets.split("|") if planet)
    return Star(
        int(hip) if hip else None,
        ra_deg,
        dec_deg,
        pmra_masyr,
        pmdec_masyr,
        tuple(names.split("|")),
        {letter: name for letter, _, name in letters},
        float(mag) if mag else None,
        is_variable == "1",
    )


def table_rows(name: str) -> Iterator[list[str]]:
    """Yield the rows of a table, without its head."""
    content = gzip.decompress((files(__package__) / name).read_bytes())
    rows = csv.reader(content.decode().splitlines())
    next(rows)
    return rows
