"""Links from a star's page to archives: their form, and the position in them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from astropy import units as u
from astropy.coordinates import Distance, SkyCoord
from astropy.time import Time

from observations_explorer.pages.star_links import star_links

BARNARD = {
    "ra_deg": 269.44850252543836,
    "dec_deg": 4.739420051112412,
    "epoch_yr": 2016.0,
    "pmra_masyr": -801.551,
    "pmdec_masyr": 10362.394,
}
"""Gaia DR3 4472832130942575872, the fastest star in the sky."""


def star(catalog: dict[str, Any] | None, **columns: Any) -> Any:
    return {"picid": "268644785", "ra_deg": None, "dec_deg": None, "catalog": catalog, **columns}


def urls(shown: Any, catalog: str = "tic") -> dict[str, str]:
    return {link.name: link.url for link in star_links(shown, catalog)}


SOUTH = {"ra_deg": 83.1, "dec_deg": -5.2, "epoch_yr": 2000.0, "pmra_masyr": None, "pmdec_masyr": 4}


@pytest.mark.parametrize(
    ("name", "page", "query"),
    [
        (
            "SIMBAD",
            "https://simbad.cds.unistra.fr/simbad/sim-coo",
            {"Coord": "83.100000 -5.200000", "CooFrame": "ICRS", "CooEpoch": "2000",
             "CooEqui": "2000", "Radius": "10", "Radius.unit": "arcsec"},
        ),
        (
            "VizieR",
            "https://vizier.cds.unistra.fr/viz-bin/VizieR-4",
            {"-c": "83.100000 -5.200000", "-c.rs": "10", "-sort": "_r"},
        ),
        (
            "ESASky",
            "https://sky.esa.int/esasky/",
            {"target": "83.100000 -5.200000", "cooframe": "J2000", "fov": "0.25", "sci": "true"},
        ),
        (
            "VSX",
            "https://www.aavso.org/vsx/index.php",
            {"view": "results.get", "coords": "83.100000 -5.200000", "format": "d", "size": "10",
             "unit": "3"},
        ),
        (
            "Aladin Lite",
            "https://aladin.cds.unistra.fr/AladinLite/",
            {"target": "83.100000 -5.200000", "fov": "0.25", "survey": "P/DSS2/color"},
        ),
        ("ExoFOP", "https://exofop.ipac.caltech.edu/tess/target.php", {"id": "268644785"}),
    ],
)  # fmt: skip
def test_each_archive_is_asked_in_its_own_way(name: str, page: str, query: dict[str, str]) -> None:
    url = urls(star(SOUTH))[name]
    assert url.partition("?")[0] == page
    asked = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert asked == {key: [value] for key, value in query.items()}


def test_signs_and_spaces_are_encoded() -> None:
    north = urls(star({**SOUTH, "dec_deg": 5.2}))
    for name in ("SIMBAD", "VizieR", "ESASky", "VSX", "Aladin Lite"):
        assert "83.100000%20%2B5.200000" in north[name]
        assert not set(north[name]) & set(" +\"<>'")


def test_positions_are_moved_to_j2000() -> None:
    place = SkyCoord(
        BARNARD["ra_deg"] * u.deg,
        BARNARD["dec_deg"] * u.deg,
        distance=Distance(1.83 * u.pc),
        pm_ra_cosdec=BARNARD["pmra_masyr"] * u.mas / u.yr,
        pm_dec=BARNARD["pmdec_masyr"] * u.mas / u.yr,
        obstime=Time(2016.0, format="jyear"),
    ).apply_space_motion(Time(2000.0, format="jyear"))
    url = urls(star(BARNARD), "gaia")["VizieR"]
    ra_deg, dec_deg = map(float, parse_qs(urlsplit(url).query)["-c"][0].split())
    found = SkyCoord(ra_deg * u.deg, dec_deg * u.deg)
    assert found.separation(SkyCoord(place.ra, place.dec)) < 0.1 * u.arcsec


def test_a_star_of_gaia_has_no_number_of_the_tic() -> None:
    assert "ExoFOP" not in urls(star(SOUTH), "gaia")


def test_without_a_catalog_the_newest_image_has_the_position() -> None:
    assert "10.000000%20-20.000000" in urls(star(None, ra_deg=10.0, dec_deg=-20.0))["VSX"]
    assert urls(star(None)).keys() == {"ExoFOP"}
    assert urls(star(None), "gaia") == {}
