"""Names that people type: each leads to its published place, a misspelled one to the right one."""

import unicodedata
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
"""For stars, held against positions of the same epoch."""


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
        folded = {fold(f"{spelt} Ori") for spelt in (name, name.upper(), *spellings)}
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
