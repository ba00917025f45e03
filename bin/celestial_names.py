"""Read stars and their names of d3-celestial 0.7.35, an npm package by Olaf Frohn (BSD-3-Clause).

Its stars are from XHIP (Anderson and Francis 2012), with the component's own HD number and the
numbers of the Gliese catalog; its names from the IAU, Allen (1963) and others.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

from astropy.coordinates import SkyCoord, get_constellation

Place = tuple[float, float]
_GLIESE = re.compile(r"(?:GJ|Wo|NN) ?([\d.]+)([A-C]?)")
"""NN 3002 and Wo 9008 are GJ 3002 and GJ 9008 today."""


class Name(NamedTuple):
    """A name or number of a star of the Hipparcos catalog."""

    hip: int
    name: str


class _Geometry(TypedDict):
    coordinates: Place


class _Properties(TypedDict):
    mag: str | float


class _Feature(TypedDict):
    """A star in a GeoJSON file."""

    id: int
    geometry: _Geometry
    properties: _Properties


def star_places(folder: Path) -> dict[int, Place]:
    """Return the positions by HIP number, degrees, ICRS at J2000."""
    places = ((star["id"], star["geometry"]["coordinates"]) for star in _stars(folder))
    return {hip: (ra_deg % 360, dec_deg) for hip, (ra_deg, dec_deg) in places}


def star_magnitudes(folder: Path) -> dict[int, float]:
    """Return the visual magnitudes by HIP number."""
    return {star["id"]: float(star["properties"]["mag"]) for star in _stars(folder)}


def _stars(folder: Path) -> list[_Feature]:
    text = (folder / "stars.8.json").read_text(encoding="utf-8")
    features: list[_Feature] = json.loads(text)["features"]
    return features


def star_names(folder: Path) -> Iterator[Name]:
    """List names, then designations, then HD and Gliese numbers."""
    table = json.loads((folder / "starnames.json").read_text(encoding="utf-8"))
    rows = [(int(hip), row) for hip, row in table.items()]
    yield from _proper_names(rows)
    places = star_places(folder)
    yield from _designations([(hip, row) for hip, row in rows if hip in places], places)
    yield from (Name(hip, row["hd"].replace("\u2009", " ")) for hip, row in rows if row.get("hd"))
    for hip, row in rows:
        gliese = _GLIESE.fullmatch(row.get("gl", ""))
        if gliese:
            yield Name(hip, f"GJ {gliese[1]} {gliese[2]}".strip())
            # The star without a letter is its brightest component.
            if gliese[2] == "A":
                yield Name(hip, f"GJ {gliese[1]}")


def _proper_names(rows: list[tuple[int, dict[str, str]]]) -> Iterator[Name]:
    """List the names that only one star has."""
    names = [Name(hip, name) for hip, row in rows for name in row["name"].split(", ") if name]
    count = Counter(name for _, name in names)
    yield from (each for each in names if count[each.name] == 1)


def _designations(
    rows: list[tuple[int, dict[str, str]]], places: dict[int, Place]
) -> Iterator[Name]:
    """List Bayer letters and Flamsteed numbers, without stars outside their constellation."""
    sky = SkyCoord([places[hip] for hip, _ in rows], unit="deg")
    for (hip, row), inside in zip(rows, get_constellation(sky, short_name=True), strict=True):
        for sign in (row.get("bayer"), row.get("flam")):
            if sign and "undefined" not in sign and row["c"] == inside:
                yield Name(hip, f"{sign} {row['c']}")
