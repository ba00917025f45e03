"""Directions, cones and their HEALPix cells, against astropy's own spherical geometry."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from panoptes_network.sky import directions, healpix

CONES = [
    (303.2, 46.0, 9.2),
    (0.0, 0.0, 1.4),
    (359.9, -41.8103149, 0.05),  # where the polar caps' cells begin
    (302.2466, 41.8103149, 0.0634),  # astropy-healpix 2.0.1 leaves a corner of this one out
    (10.0, 90.0, 3.0),
    (200.0, -89.9, 0.5),
    (120.0, 20.0, 100.0),
    (0.0, 0.0, 180.0),
]


def directions_in(cone: tuple[float, float, float], count: int = 5000) -> SkyCoord:
    ra_deg, dec_deg, radius_deg = cone
    random = np.random.default_rng(20181011)
    separation = np.sqrt(random.random(count)) * radius_deg * u.deg
    return SkyCoord(ra_deg * u.deg, dec_deg * u.deg).directional_offset_by(
        random.random(count) * 360 * u.deg, separation
    )


@pytest.mark.parametrize("cone", CONES)
def test_every_direction_in_a_cone_is_in_its_ranges(cone: tuple[float, float, float]) -> None:
    inside = directions_in(cone)
    cells = healpix.healpix_cells(inside.ra.deg, inside.dec.deg)
    firsts, lasts = healpix.cone_ranges(*cone).T
    index = np.searchsorted(firsts, cells, side="right") - 1
    assert np.all(cells <= lasts[index])


@pytest.mark.parametrize("cone", CONES[:-2])
def test_ranges_reach_little_beyond_the_cone(cone: tuple[float, float, float]) -> None:
    ra_deg, dec_deg, radius_deg = cone
    firsts, lasts = healpix.cone_ranges(*cone).T
    assert np.all(firsts[1:] > lasts[:-1] + 1)
    cells = np.concatenate([np.arange(a, b + 1) for a, b in zip(firsts, lasts, strict=True)])
    lon, lat = HEALPix(nside=128, order="nested").healpix_to_lonlat(cells)
    separation = SkyCoord(lon, lat).separation(SkyCoord(ra_deg * u.deg, dec_deg * u.deg))
    # No corner of a cell is farther from its centre than 0.6 degree at this order.
    assert np.all(separation.deg < radius_deg + 0.6)


def test_no_corner_lies_beyond_the_cell_radius() -> None:
    grid = HEALPix(nside=128, order="nested")
    cells = np.arange(grid.npix)
    corners = SkyCoord(*grid.boundaries_lonlat(cells, step=1))
    separation = corners.separation(SkyCoord(*grid.healpix_to_lonlat(cells))[:, np.newaxis])
    assert separation.deg.max() == pytest.approx(healpix._cell_radius_deg(), rel=1e-9)


@pytest.mark.parametrize("cone", CONES[:-1])
def test_a_cone_holds_what_lies_within_its_radius(cone: tuple[float, float, float]) -> None:
    ra_deg, dec_deg, radius_deg = cone
    around = directions_in((ra_deg, dec_deg, min(2 * radius_deg, 180)))
    within = directions.is_within(around.ra.deg, around.dec.deg, ra_deg, dec_deg, radius_deg)
    separation = around.separation(SkyCoord(ra_deg * u.deg, dec_deg * u.deg))
    assert np.array_equal(within, separation.deg <= radius_deg)
    assert 0 < within.sum() < len(within)


def test_empty_in_empty_out() -> None:
    assert healpix.healpix_cells([], []).shape == (0,)
    assert directions.is_within([], [], 0, 0, 1).shape == (0,)


@pytest.mark.parametrize(
    "cone", [(np.nan, 0, 1), (0, 91, 1), (0, 0, 0), (0, 0, -1), (0, 0, np.inf)]
)
def test_what_is_no_cone_is_refused(cone: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"invalid position|radius"):
        healpix.cone_ranges(*cone)
