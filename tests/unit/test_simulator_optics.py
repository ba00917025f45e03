import numpy as np
import pytest
from astropy.wcs import WCS
from numpy.typing import ArrayLike, NDArray

from simulator.optics import PIXEL_SCALE_ARCSEC, Psf, field_wcs, sky_to_pixel
from simulator.render import Spots, draw_planes, mosaic
from simulator.scene import APERTURE_FRACTION, APERTURE_RADIUS_PX

NO_TRAIL_CHANGE = (-0.375, -1.6)


@pytest.fixture(scope="module")
def full_wcs() -> WCS:
    return field_wcs(301.5, 44.5, 0.7, 5208, 3476)


def test_inverse_agrees_with_astropys_general_one(full_wcs: WCS) -> None:
    x, y = np.meshgrid(np.linspace(0, 5207, 9), np.linspace(0, 3475, 7))
    ra_deg, dec_deg = full_wcs.all_pix2world(x.ravel(), y.ravel(), 0)
    own = sky_to_pixel(full_wcs, ra_deg, dec_deg)
    np.testing.assert_allclose(own, (x.ravel(), y.ravel()), atol=1e-6)
    np.testing.assert_allclose(own, full_wcs.all_world2pix(ra_deg, dec_deg, 0), atol=1e-3)


def test_the_middle_of_the_frame_is_the_centre(full_wcs: WCS) -> None:
    x, y = sky_to_pixel(full_wcs, np.array([301.5]), np.array([44.5]))
    assert (x[0], y[0]) == (pytest.approx(2603.5, abs=1e-9), pytest.approx(1737.5, abs=1e-9))


def test_corners_are_distorted_by_four_parts_in_a_thousand(full_wcs: WCS) -> None:
    ra_deg, dec_deg = full_wcs.all_pix2world(0, 0, 0)
    x, y = full_wcs.wcs_world2pix(ra_deg, dec_deg, 0)
    undistorted = np.hypot(x - 2603.5, y - 1737.5)
    assert undistorted / np.hypot(2603.5, 1737.5) == pytest.approx(1.004, abs=1e-5)


def test_x_points_to_north_and_y_to_east(full_wcs: WCS) -> None:
    ra_deg, dec_deg = full_wcs.all_pix2world([2603.5, 2703.5, 2603.5], [1737.5, 1737.5, 1837.5], 0)
    hundred_px = 100 * PIXEL_SCALE_ARCSEC / 3600
    assert dec_deg[1] - dec_deg[0] == pytest.approx(hundred_px, rel=1e-3)
    assert (ra_deg[2] - ra_deg[0]) * np.cos(np.radians(44.5)) == pytest.approx(hundred_px, rel=1e-3)
    assert np.linalg.det(full_wcs.wcs.cd) < 0


def _draw(
    x: ArrayLike,
    y: ArrayLike,
    flux_adu: ArrayLike,
    shape: tuple[int, int],
    *,
    trail_px: tuple[float, float] = NO_TRAIL_CHANGE,
    outward: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.float32]:
    x, y, flux = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, flux_adu))
    spots = Spots(x, y, np.full_like(x, outward[0]), np.full_like(x, outward[1]), flux)
    psfs = {colour: Psf.of_colour(colour, trail_px) for colour in "RGB"}
    return mosaic(draw_planes(shape, dict.fromkeys("RGB", spots), psfs))


def test_light_of_a_star_is_kept_and_stands_at_its_place() -> None:
    image = _draw(60.3, 49.6, 1e6, (100, 120))
    y, x = np.indices(image.shape)
    # Sampled on every second pixel a core of 0.6 px is uneven: single planes are off by some
    # 15 %, their sum by 3 %, and the centroid by 0.05 px.
    assert image.sum() == pytest.approx(1e6, rel=0.03)
    assert (image * x).sum() / image.sum() == pytest.approx(60.3, abs=0.05)
    assert (image * y).sum() / image.sum() == pytest.approx(49.6, abs=0.05)


def test_light_within_two_pixels() -> None:
    rng = np.random.default_rng(0)
    y, x = np.indices((64, 64))
    shares = []
    for _ in range(60):
        place = rng.uniform(30, 34, 2)
        image = _draw(place[0], place[1], 1e6, (64, 64))
        shares.append(image[np.hypot(x - place[0], y - place[1]) < APERTURE_RADIUS_PX].sum() / 1e6)
    # 60 random places in the Bayer cell leave an uncertainty of the mean of about 0.01.
    assert np.mean(shares) == pytest.approx(APERTURE_FRACTION, abs=0.03)


def test_a_star_outside_shines_in_without_fault() -> None:
    image = _draw([-20.0, 80.0], [10.0, 70.0], [1e8, 1e8], (60, 60))
    assert image[10, 0] > 0
    assert image[59, 59] > 0


def test_trail_widens_along_the_drift() -> None:
    image = _draw(50, 50, 1e6, (100, 100), trail_px=(0.0, -6.0))
    y, x = np.indices(image.shape)
    variance_x = (image * (x - 50) ** 2).sum() / image.sum()
    variance_y = (image * (y - 50) ** 2).sum() / image.sum()
    # A line of length L has the variance L²/12: 3 px². The grid's sampling takes 3 %.
    assert variance_y - variance_x == pytest.approx(3.0, rel=0.1)


def test_coma_throws_the_wings_outwards() -> None:
    image = _draw(50, 50, 1e6, (100, 100), outward=(1.0, 0.0))
    right, left = image[45:56, 55:60].sum(), image[45:56, 41:46].sum()
    assert right > 1.5 * left
