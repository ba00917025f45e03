"""Resolve a name to a position, or to names that are spelled nearly so."""

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from panoptes_network.names import deep_sky, tables
from panoptes_network.names.spelling import GREEK, MAX_LENGTH, fold

MAX_NEAR = 5
MIN_SIMILARITY = 0.6
"""Two of five letters may be wrong."""
_NUMBERED = re.compile(r"(hip|hd|hr|sao)([1-9][0-9]{0,6})([a-z]{0,2})")
_PLANET = re.compile(r"(.+?)([a-d]?)([b-z])")
_COMPONENT_A = re.compile(rf"(.*[0-9].*|(?:{'|'.join(GREEK)})[a-z]{{3}})a")
"""A component with a letter: 61 Cyg A, α Cen A."""
_FIRST_COMPONENT = re.compile(r"([a-z]{2,7})1([a-z]{3})")
"""A numbered component: ζ1 UMa."""
_VARIABLE = re.compile(r"[R-Z][a-z]{3}")
"""R Eri is a variable, r Eri is not: neither stands for the other."""
_MAS_DEG = 1 / 3.6e6


class Kind(StrEnum):
    """Kinds of named objects."""

    STAR = "star"
    PLANET = "planet"
    CONSTELLATION = "constellation"
    DEEP_SKY = "deep_sky"


@dataclass(frozen=True, slots=True)
class Target:
    """A named object: its kind, the name to show, and its position.

    The position is ICRS, degrees, at J2000, the proper motion in milliarcseconds a year, the first
    with the factor cos(dec). That of a planet is its star's. `radius_deg` is None for stars and
    planets, and for objects of unknown size. `names` are all names of the object, of a planet its
    star's; `ids` its numbers by catalog.
    """

    kind: Kind
    name: str
    ra_deg: float
    dec_deg: float
    radius_deg: float | None = None
    pmra_masyr: float = 0.0
    pmdec_masyr: float = 0.0
    names: tuple[str, ...] = ()
    ids: dict[str, int] = field(default_factory=dict)

    def at(self, epoch_yr: float) -> tuple[float, float]:
        """Return its position at a Julian year, with proper motion applied."""
        motion = self.pmra_masyr, self.pmdec_masyr
        return moved((self.ra_deg, self.dec_deg), motion, epoch_yr)


def moved(
    place: tuple[float, float], motion: tuple[float, float], epoch_yr: float
) -> tuple[float, float]:
    """Return a place of J2000, in degrees, at a Julian year; the motion is as a `Target`'s."""
    moved_deg = (epoch_yr - tables.EPOCH_YR) * _MAS_DEG
    cos_dec = max(math.cos(math.radians(place[1])), 1e-6)
    ra_deg = (place[0] + motion[0] * moved_deg / cos_dec) % 360
    return ra_deg, max(-90.0, min(90.0, place[1] + motion[1] * moved_deg))


def resolve(name: str) -> Target | None:
    """Return what a name means; None if it is in no table, or longer than `MAX_LENGTH`.

    Names are looked up among the constellations and the stars, then by number in the Hipparcos
    table, among planets, then among deep-sky objects. The name of a star's brightest component may
    stand for the star.
    """
    key = fold(name) if len(name) <= MAX_LENGTH else ""
    if not key:
        return None
    lookups = (_named, _numbered, _planet, _deep_sky, _component)
    return next(filter(None, (lookup(key) for lookup in lookups)), None)


def near_matches(name: str, limit: int = MAX_NEAR) -> list[str]:
    """Return up to `limit` names of different objects that are spelled like `name`, nearest first.

    The distance is the optimal string alignment: letters that are wrong, missing, added, or
    swapped with their neighbour.
    """
    key = fold(name[:MAX_LENGTH])
    if len(key) < 3:
        return []
    shown = _shown_names()
    matches = process.extract(
        key,
        list(shown),
        scorer=OSA.normalized_similarity,
        score_cutoff=MIN_SIMILARITY,
        limit=4 * limit,
    )
    other_case = [folded for folded in shown if folded.casefold() == key.casefold()]
    different: dict[tuple[float, float], str] = {}
    for folded in (*other_case, *(match[0] for match in matches)):
        target = resolve(shown[folded])
        if target is not None:
            different.setdefault((target.ra_deg, target.dec_deg), shown[folded])
    return list(different.values())[:limit]


def star_at(ra_deg: float, dec_deg: float, epoch_yr: float) -> Target | None:
    """Return the star of the Hipparcos table at a position at a Julian year."""
    star = tables.hipparcos_star_at(ra_deg, dec_deg, epoch_yr)
    return None if star is None else _target_of(star)


def _named(key: str) -> Target | None:
    known = _index()
    found = known.get(key)
    if found is None and not _VARIABLE.fullmatch(key):
        found = known.get(key.casefold()) or known.get(key[0].upper() + key[1:])
    if isinstance(found, tables.Star):
        return _target_of(found)
    if isinstance(found, tables.Constellation):
        names = (found.name, found.genitive, found.abbreviation)
        place = (found.ra_deg, found.dec_deg, found.radius_deg)
        return Target(Kind.CONSTELLATION, found.name, *place, names=names)
    return None


def _numbered(key: str) -> Target | None:
    """Return a star by its number; letters after it are a component's, and a planet's."""
    match = _NUMBERED.fullmatch(key)
    star = match and tables.hipparcos_star(match[1], int(match[2]))
    if not match or star is None:
        return None
    letter = match[3][-1:]
    if letter in star.planets:
        return _planet_of(star, letter)
    return _target_of(star) if match[3] in {"", "a"} else None


def _planet(key: str) -> Target | None:
    """Return a planet by its own name, or its star's and its letter; a component's may precede."""
    named = _planet_names().get(key)
    if named is not None:
        return _planet_of(*named)
    match = _PLANET.fullmatch(key.casefold())
    if match is None:
        return None
    stars = (_index().get(host) for host in (key[:-1], match[1]))
    for star in stars:
        if isinstance(star, tables.Star) and match[3] in star.planets:
            return _planet_of(star, match[3])
    return None


def _component(key: str) -> Target | None:
    """Return a star by the name of its brightest component: 61 Cyg A, ζ1 UMa."""
    wholes = (_COMPONENT_A.sub(r"\1", key), _FIRST_COMPONENT.sub(r"\1\2", key))
    found = [_index().get(whole) for whole in wholes]
    return next((_target_of(star) for star in found if isinstance(star, tables.Star)), None)


def _deep_sky(key: str) -> Target | None:
    found = deep_sky.find(key)
    if found is None:
        return None
    place = (found.ra_deg, found.dec_deg, found.radius_deg)
    return Target(Kind.DEEP_SKY, found.names[0], *place, names=found.names)


def _target_of(star: tables.Star) -> Target:
    ids = {} if star.hip is None else tables.numbers_of(star.hip)
    numbers = tuple(f"{catalog.upper()} {number}" for catalog, number in ids.items())
    names = tuple(dict.fromkeys((*star.names, *numbers)))
    shown = " · ".join(dict.fromkeys((names[0], *numbers[:1])))
    motion = (star.pmra_masyr, star.pmdec_masyr)
    return Target(Kind.STAR, shown, star.ra_deg, star.dec_deg, None, *motion, names, ids)


def _planet_of(star: tables.Star, letter: str) -> Target:
    host = _target_of(star)
    name = " · ".join(filter(None, (star.planets[letter], f"{host.names[0]} {letter}")))
    motion = (star.pmra_masyr, star.pmdec_masyr)
    return Target(Kind.PLANET, name, star.ra_deg, star.dec_deg, None, *motion, host.names, host.ids)


@cache
def _index() -> dict[str, tables.Star | tables.Constellation]:
    """Return constellations and stars by each of their names; of a common one, the first."""
    index: dict[str, tables.Star | tables.Constellation] = {}
    for constellation in tables.constellations():
        for name in constellation[:3]:
            index.setdefault(fold(name), constellation)
    # The best name of one star, such as Toliman, may be an older name of another.
    for star in tables.stars():
        index.setdefault(fold(star.names[0]), star)
    for star in tables.stars():
        for name in star.names[1:]:
            index.setdefault(fold(name), star)
    return index


@cache
def _planet_names() -> dict[str, tuple[tables.Star, str]]:
    """Return the planets that have names of their own."""
    return {
        fold(name): (star, letter)
        for star in tables.stars()
        for letter, name in star.planets.items()
        if name
    }


@cache
def _shown_names() -> dict[str, str]:
    """Return all names in words by their one spelling, those that are words first."""
    shown = {fold(name): name for each in tables.constellations() for name in each[:2]}
    names = [name for star in tables.stars() for name in star.names]
    common = [name for named in deep_sky.objects() for name in named.names]
    planets = [
        name or f"{star.names[0]} {letter}"
        for star in tables.stars()
        for letter, name in star.planets.items()
    ]
    for name in sorted((*names, *common, *planets), key=lambda name: not name.isalpha()):
        shown.setdefault(fold(name), name)
    return shown
