"""Names that people type: each leads to its published place, a misspelled one to the right one."""

import csv
import unicodedata
from pathlib import Path
from typing import NamedTuple

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from hypothesis import example, given
from hypothesis import strategies as st

from panoptes_network.names.resolver import (
    MAX_NEAR,
    Kind,
    Target,
    near_matches,
    resolve,
    star_at,
)
from panoptes_network.names.spelling import GREEK, MAX_LENGTH, fold
from panoptes_network.names.tables import constellations, hipparcos_star, stars
from tests.unit import name_places

STAR_ARCMIN = 1.0
"""For stars, held against positions of the same epoch; of hosts, to a second of time."""
CLUSTER_ARCMIN = 10.0
"""The centre of a loose cluster is a matter of definition: two tables of M50 differ by 8 arcmin."""


class Place(NamedTuple):
    kind: Kind
    name: str
    ra_deg: float
    dec_deg: float


PLACES = [
    Place(kind, name, *place)
    for kind, places in (
        (Kind.STAR, name_places.IAU_NAMES),
        (Kind.STAR, name_places.BAYER),
        (Kind.STAR, name_places.FLAMSTEED),
        (Kind.STAR, name_places.NUMBERS),
        (Kind.STAR, name_places.HOSTS),
        (Kind.PLANET, name_places.PLANETS),
        (Kind.STAR, name_places.VARIABLES),
        (Kind.CONSTELLATION, name_places.CONSTELLATIONS),
        (Kind.DEEP_SKY, name_places.DEEP_SKY),
    )
    for name, place in places.items()
]


def known(name: str) -> Target:
    target = resolve(name)
    assert target is not None, name
    return target


def apart(target: Target, ra_deg: float, dec_deg: float) -> float:
    """Return the distance in arcminutes."""
    here = SkyCoord(target.ra_deg, target.dec_deg, unit="deg")
    return float(here.separation(SkyCoord(ra_deg, dec_deg, unit="deg")).arcmin)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_name_leads_to_its_published_place(place: Place) -> None:
    target = known(place.name)
    assert target.kind == place.kind
    extent_arcmin = 0.0 if target.radius_deg is None else target.radius_deg * 60
    assert apart(target, place.ra_deg, place.dec_deg) < max(STAR_ARCMIN, extent_arcmin / 4)


def _published() -> list[tuple[str, str, float, float]]:
    """Read names drawn at random from other tables than those that the names are made of.

    Stars: d3-celestial 0.7.35, whose positions are XHIP's. Hosts: the Open Exoplanet Catalogue, or
    the 2MASS name that it has. Deep-sky objects: d3-celestial. The last six variables: lists of
    AAVSO's and of novae. Left out: GX Vel, which d3-celestial gives to another star than GCVS, and
    V Cep and V915 Sco, which GCVS has no longer or not with a Hipparcos number.
    """
    with (Path(__file__).parent / "published_places.csv").open(encoding="utf-8") as file:
        return [
            (row["kind"], row["name"], float(row["ra_deg"]), float(row["dec_deg"]))
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize(("kind", "name", "ra_deg", "dec_deg"), _published())
def test_another_table_has_the_same_place(
    kind: str, name: str, ra_deg: float, dec_deg: float
) -> None:
    target = known(name)
    is_messier = kind == "messier"
    assert target.kind == (Kind.DEEP_SKY if is_messier else Kind.STAR)
    assert apart(target, ra_deg, dec_deg) < (CLUSTER_ARCMIN if is_messier else STAR_ARCMIN)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("ν UMa", "Alula Borealis · HIP 55219"),
        ("nu UMa", "Alula Borealis · HIP 55219"),
        ("NU UMa", "NU UMa · HIP 53209"),
        ("NU Ori", "NU Ori · HIP 26258"),
        ("C1 Cen", "C1 Cen · HIP 56518"),
        ("c1 Cen", "c1 Cen · HIP 72010"),
        ("GJ 27.1", "GJ 27.1"),
        ("Gliese 271", "Wasat · HIP 35550"),
        ("Zubenelgenubi", "Zubenelgenubi · HIP 72622"),
        ("HD 213051", "ζ1 Aqr · HIP 110960"),
        ("ξ UMa", "Alula Australis · HIP 55203"),
    ],
)
def test_names_that_look_alike_are_told_apart(typed: str, shown: str) -> None:
    assert known(typed).name == shown


def test_a_variable_is_not_answered_by_a_letter_of_bayer() -> None:
    assert known("r Eri").name == "r Eri · HIP 14187"
    assert resolve("R Eri") is None
    assert "r Eri" in near_matches("R Eri")


@pytest.mark.parametrize(("typed", "meant"), name_places.MISSPELLED.items())
def test_a_misspelled_name_offers_the_right_one(typed: str, meant: str) -> None:
    assert resolve(typed) is None
    offered = near_matches(typed)
    assert meant in offered
    assert len(offered) <= MAX_NEAR
    assert all(resolve(name) for name in offered)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("HIP 17573", "Maia · HIP 17573"),
        ("20 Tau", "Maia · HIP 17573"),
        ("Toliman", "Toliman · HIP 71681"),
        ("hip 1", "HIP 1"),
        ("WASP-12b", "WASP-12 b"),
        ("51 Peg b", "Dimidium · Helvetios b"),
        ("orionis", "Orion"),
        ("ngc 1976", "Great Orion Nebula"),
    ],
)
def test_the_best_name_is_shown(typed: str, shown: str) -> None:
    assert known(typed).name == shown


def test_a_star_has_its_other_names_and_numbers() -> None:
    vega = known("alf Lyr")
    assert {"Vega", "α Lyr", "3 Lyr", "HIP 91262", "HD 172167", "HR 7001"} <= {*vega.names}
    assert vega.ids == {"hip": 91262, "hd": 172167, "hr": 7001, "sao": 67174}


def test_case_tells_two_stars_apart() -> None:
    assert known("R Car").ids["hip"] == 46806
    assert known("r Car").ids["hip"] == 51849


@pytest.mark.parametrize("name", ["Barnard's Star", "61 Cyg", "Proxima Centauri", "Polaris"])
def test_proper_motion_is_applied(name: str) -> None:
    star = known(name)
    moved = SkyCoord(
        star.ra_deg * u.deg,
        star.dec_deg * u.deg,
        pm_ra_cosdec=star.pmra_masyr * u.mas / u.yr,
        pm_dec=star.pmdec_masyr * u.mas / u.yr,
        obstime=Time("J2000"),
        distance=1 * u.pc,
    ).apply_space_motion(new_obstime=Time("J2026"))
    there = SkyCoord(*star.at(2026.0), unit="deg")
    assert there.separation(moved).arcsec < 0.1
    found = star_at(*star.at(2026.0), 2026.0)
    assert found is not None
    assert found.names == star.names


@pytest.mark.parametrize("ra_deg", [0.0, 359.9999, 123.4])
@pytest.mark.parametrize("dec_deg", [-90.0, 0.0, 90.0])
def test_there_is_no_star_at_an_empty_place(ra_deg: float, dec_deg: float) -> None:
    assert star_at(ra_deg, dec_deg, 2000.0) is None


def test_a_star_on_the_other_side_of_0_hours_is_found() -> None:
    star = hipparcos_star("hip", 1)
    assert star is not None
    assert star.ra_deg < 0.001
    assert star_at(star.ra_deg - 0.0003 + 360, star.dec_deg, 2000.0) is not None


def test_every_listed_name_is_found() -> None:
    for star in stars():
        for name in star.names:
            assert known(name).kind in {Kind.STAR, Kind.CONSTELLATION}, name
    assert len(constellations()) == 88
    for each in constellations():
        for name in each[:3]:
            assert known(name).name == each.name


def test_each_greek_letter_has_its_spellings() -> None:
    for name, spellings in GREEK.items():
        capitals = () if name in {"mu", "nu"} else (name.upper(),)
        folded = {fold(f"{spelt} Ori") for spelt in (name, *capitals, *spellings)}
        assert folded == {f"{name}ori"}


@given(st.text(max_size=3 * MAX_LENGTH))
@example("\x00")
@example("' OR 1=1 --")
@example("\u202eageV")
@example("-" * MAX_LENGTH)
@example("9" * MAX_LENGTH)
@example("HIP ٣")
@example("HIP 99999999999999999999")
@example("İ Tau")
def test_any_text_is_answered(text: str) -> None:
    target = resolve(text)
    assert target is None or 0 <= target.ra_deg < 360
    assert len(near_matches(text)) <= MAX_NEAR


@example("KOI-72.01", "_", False)
@given(st.sampled_from([place.name for place in PLACES]), st.sampled_from("\t  -_"), st.booleans())
def test_case_and_spaces_do_not_count(name: str, space: str, is_decomposed: bool) -> None:
    spelt = f" {space.join(name.split())}{space}"
    if is_decomposed:
        spelt = unicodedata.normalize("NFD", spelt)
    # A single letter keeps its case, and a hyphen before a number may be the sign of a survey.
    assert known(spelt) == known(name)
    if not name_places.is_single_letter(name):
        assert known(spelt.upper()) == known(name)


@given(st.text(min_size=MAX_LENGTH + 1))
def test_a_long_text_is_no_name(text: str) -> None:
    assert resolve(text) is None
