"""Proper motion against astropy's, and a star that two catalogs have."""

from datetime import UTC, datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import Distance, SkyCoord
from astropy.time import Time

from panoptes_network.catalog.lookup import CatalogStars, at_epoch, prefer_tic


def stars(
    ra_deg: list[float],
    dec_deg: list[float],
    pm: tuple[float, float] = (0, 0),
    is_tic: bool = True,
    mag: float = 8,
) -> CatalogStars:
    shape = len(ra_deg)
    return CatalogStars(
        np.full(shape, is_tic),
        np.arange(shape) + 1000 * is_tic,
        np.array(ra_deg, float),
        np.array(dec_deg, float),
        np.full(shape, pm[0], np.float32),
        np.full(shape, pm[1], np.float32),
        np.full(shape, mag, np.float32),
    )


def together(*parts: CatalogStars) -> CatalogStars:
    return CatalogStars(
        *(
            np.concatenate(columns)
            for columns in zip(*(vars(p).values() for p in parts), strict=True)
        )
    )


@pytest.mark.parametrize(
    "time", ["2018-10-11T13:43:33", "1991-04-02T00:00:00", "2024-02-29T23:59:59"]
)
@pytest.mark.parametrize("pm", [(-801.551, 10362.394), (0, 0), (4000, -3000)])
def test_motion_is_astropys(time: str, pm: tuple[float, float]) -> None:
    ra, dec = [0.0005, 359.9995, 120.0, 269.45, 10.0], [0.0, 46.0, -89.5, 4.69, 89.99]
    moved = at_epoch(stars(ra, dec, pm), datetime.fromisoformat(time).replace(tzinfo=UTC))
    expected = SkyCoord(
        ra * u.deg,
        dec * u.deg,
        pm_ra_cosdec=np.full(5, pm[0]) * u.mas / u.yr,
        pm_dec=np.full(5, pm[1]) * u.mas / u.yr,
        distance=Distance(np.full(5, 2.0) * u.pc),
        radial_velocity=np.zeros(5) * u.km / u.s,
        obstime=Time("J2000.0"),
    ).apply_space_motion(Time(time, scale="utc"))
    separation = SkyCoord(*moved * u.deg).separation(SkyCoord(expected.ra, expected.dec))
    # They differ by the change of light time, which ERFA has: 0.01 mas for Barnard's star in
    # 19 years. A pixel is 10,290 mas.
    assert separation.to_value(u.mas).max() < 0.1
    assert np.all((moved[0] >= 0) & (moved[0] < 360))


@pytest.mark.parametrize("time", ["2018-10-11T13:43:33", "1991-04-02T00:00:00"])
def test_motion_begins_at_the_epoch_of_the_catalog(time: str) -> None:
    """Barnard's star in the TIC at J2000.0 and in Gaia DR3 at J2016.0 is at one place."""
    motion = (-801.551, 10362.394)
    tic = stars([269.452075], [4.693391], motion)
    gaia = stars([269.44850252543836], [4.739420051112412], motion, is_tic=False)
    moment = datetime.fromisoformat(time).replace(tzinfo=UTC)
    places = [SkyCoord(*at_epoch(each, moment) * u.deg) for each in (tic, gaia)]
    assert places[0].separation(places[1]).to_value(u.arcsec).max() < 0.1


def test_a_star_of_unknown_motion_stays_at_its_place() -> None:
    unknown = stars([10.0], [5.0], (np.nan, np.nan), is_tic=False)
    for year in (1991, 2018):
        assert np.allclose(at_epoch(unknown, datetime(year, 1, 1, tzinfo=UTC)), [[10.0], [5.0]])


def test_a_star_that_moved_between_the_epochs_is_kept_once() -> None:
    tic = stars([269.452075], [4.693391], (-801.551, 10362.394))
    gaia = stars([269.44850252543836], [4.739420051112412], (np.nan, np.nan), is_tic=False)
    assert prefer_tic(together(tic, gaia)).picid.tolist() == [1000]


def test_no_stars_move_nowhere() -> None:
    ra_deg, dec_deg = at_epoch(stars([], []), datetime(2018, 1, 1, tzinfo=UTC))
    assert ra_deg.shape == dec_deg.shape == (0,)


def test_a_star_of_both_catalogs_is_kept_once_with_its_tic_id() -> None:
    tic = stars([10.0, 20.0], [5.0, 5.0], is_tic=True, mag=8)
    gaia = stars([10.0005, 20.002, 30.0], [5.0005, 5.0, 5.0], is_tic=False, mag=8.6)
    kept = prefer_tic(together(gaia, tic))
    # 2.5 arcsec away is the same star, 7.2 arcsec away is another.
    assert sorted(kept.picid) == [1, 2, 1000, 1001]


def test_a_faint_neighbour_is_not_the_same_star() -> None:
    both = together(stars([10.0], [5.0], mag=14), stars([10.0], [5.0005], is_tic=False, mag=8))
    assert len(prefer_tic(both)) == 2


@pytest.mark.parametrize("is_tic", [True, False])
def test_one_catalog_stays_as_it_is(is_tic: bool) -> None:
    alone = stars([10.0, 10.0], [5.0, 5.0], is_tic=is_tic)
    assert len(prefer_tic(alone)) == 2
    assert len(prefer_tic(stars([], []))) == 0
